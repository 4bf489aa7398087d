// @ts-check
// Why: which hosts, processes, threads and labels are looked at. What there is to choose from is shown with its weight; what there is
// only one of is not asked for.

import { fetchJson, groupPath, queryOf } from "./api.js";
import { h } from "./dom.js";
import { seconds, visibleShort } from "./format.js";

/** @typedef {import("./state.js").Selection} Selection */
/** @typedef {{value: string, ns: number}} Choice */
/** @type {Record<string, string>} */
const ALL = { host: "All hosts", process: "All processes", thread: "All threads", label: "Labels" };

/** @param {any} entry */
const weight = (entry) => entry.cpuNs + entry.wallNs;

/** One choice a value; the heaviest first. @param {Choice[]} choices */
function folded(choices) {
    /** @type {Map<string, number>} */
    const sums = new Map();
    for (const { value, ns } of choices)
        sums.set(value, (sums.get(value) ?? 0) + ns);
    return [...sums].map(([value, ns]) => ({ value, ns })).sort((a, b) => b.ns - a.ns);
}

/** @param {(filters: [string, string][]) => void} onChange */
export function makeFilters(onChange) {
    /** @type {[string, string][]} */
    let filters = [];
    /** @type {Record<string, Choice[]>} */
    const choices = { host: [], process: [], thread: [], label: [] };
    const selects = Object.keys(ALL).map((kind) => h("select", { "aria-label": ALL[kind], title: kind, "data-kind": kind, onchange: (/** @type {any} */ event) => {
        const { value } = event.target, rest = filters.filter(([other, text]) => other !== kind || kind === "label" && text.split(":")[0] !== value.slice(1).split(":")[0]);
        onChange(value === "" ? rest : [...rest, [kind, value.slice(1)]]); // "=" stands before each value: a thread may have no name
    } }));
    const chips = h("span.chips");
    const element = h("span.filters", {}, ...selects, chips);

    function fill() {
        for (const select of selects) {
            const kind = select.dataset.kind, active = filters.filter(([other]) => other === kind).map(([, value]) => value);
            const list = folded(choices[kind]);
            for (const value of active)
                if (!list.some((choice) => choice.value === value))
                    list.push({ value, ns: 0 });
            select.hidden = kind === "label" ? list.length === 0 : list.length < 2 && active.length === 0;
            const options = [["", ALL[kind]], ...list.map(({ value, ns }) => ["=" + value, (visibleShort(value) || "(without a name)") + (ns > 0 ? " · " + seconds(ns) : "")])];
            const mark = JSON.stringify(options);
            if (select.dataset.mark !== mark && document.activeElement !== select || select.options.length === 0) { // an open list stays as it is
                select.dataset.mark = mark;
                select.replaceChildren(...options.map(([value, text]) => h("option", { value }, text)));
            }
            select.value = kind !== "label" && active.length > 0 ? "=" + active[0] : "";
            select.classList.toggle("on", active.length > 0);
        }
        const labels = filters.filter(([kind]) => kind === "label");
        chips.replaceChildren(...labels.map((filter) => h("span.chip", {}, h("span.what", {}, visibleShort(filter[1].replace(":", " = "))),
            h("button", { type: "button", "aria-label": `Remove: label ${visibleShort(filter[1])}`, onclick: () => onChange(filters.filter((other) => other !== filter)) }, "×"))));
        chips.hidden = labels.length === 0;
    }

    return {
        element,
        /** @param {Selection} selection */
        show(selection) {
            filters = selection.filters;
            fill();
        },
        /** What the tree's answer tells of threads and labels. @param {any} body */
        takeSlices(body) {
            choices.thread = (body.threads ?? []).map((/** @type {any} */ t) => ({ value: t.value, ns: weight(t) }));
            choices.label = (body.labels ?? []).map((/** @type {any} */ l) => ({ value: l.key + ":" + l.value, ns: weight(l) }));
            fill();
        },
        /** Asks where the profiles of this time came from; each list as the other filters leave it. @param {Selection} selection @param {AbortSignal} signal */
        async load(selection, signal) {
            const ask = (/** @type {string} */ kind) => fetchJson(groupPath(selection, "sources") + "?" + queryOf({ ...selection, filters: selection.filters.filter(([other]) => other !== kind) }), signal);
            const isFiltered = selection.filters.some(([kind]) => kind === "host" || kind === "process");
            const [forHosts, forProcesses] = isFiltered ? await Promise.all([ask("host"), ask("process")]) : new Array(2).fill(await ask(""));
            choices.host = forHosts.hosts.map((/** @type {any} */ s) => ({ value: s.host, ns: weight(s) })).filter((/** @type {Choice} */ c) => c.value !== "");
            choices.process = forProcesses.processes.map((/** @type {any} */ s) => ({ value: s.process, ns: weight(s) })).filter((/** @type {Choice} */ c) => c.value !== "");
            fill();
        },
    };
}
