// @ts-check
// Why: how far these numbers can be trusted: how many samples they rest on, what was lost and why, what the profiler itself
// took. Said on the same page, not in a log.

import { h } from "./dom.js";
import { count, moment, percent, seconds, span, visibleShort, whole, words } from "./format.js";

/** @param {any} meta the API's answer */
function lossesOf(meta) {
    return Object.entries(meta.counters).filter(([, value]) => value > 0).sort((a, b) => b[1] - a[1]);
}

const isDrop = (/** @type {string} */ name) => /drop|lost|fail|truncat|overflow|full|error|reject|gaveup/i.test(name);

export function makeTrust() {
    const element = h("section.trust", { "aria-label": "How far to trust this" });
    const fact = (/** @type {string} */ label, /** @type {string} */ value, /** @type {string} */ note = "", title = "") =>
        h("div.fact", { title: title || null }, h("span.label", {}, label), h("span.value", {}, value), h("span.note", {}, note));
    let open = false;
    return {
        element,
        /** @param {import("./tree.js").Tree} tree */
        show(tree) {
            const m = tree.meta, losses = lossesOf(m), dropped = losses.filter(([name]) => isDrop(name));
            const lost = dropped.reduce((sum, [, value]) => sum + value, 0);
            const who = [m.processName, m.hostName && "on " + m.hostName].filter(Boolean).map(visibleShort).join(" ");
            const details = h("details", { open: open || null, ontoggle: (/** @type {any} */ event) => (open = event.target.open) },
                h("summary", {}, losses.length === 0 ? "No loss was reported" : count(losses.length, "counter", "counters")),
                h("dl", {}, ...losses.flatMap(([name, value]) => [h("dt", {}, words(name)), h("dd", {}, whole(value))]),
                    ...[["agent", [m.agentType, m.agentVersion].filter(Boolean).join(" ")], ["runtime", m.runtimeVersion ?? ""]]
                        .filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, visibleShort(value))])));
            element.replaceChildren(
                fact("CPU time sampled", seconds(m.totalNs), m.cpuTimeNs > 0 ? percent(m.totalNs, m.cpuTimeNs) + " of the process’s " + seconds(m.cpuTimeNs) : "",
                    "What the samples stand for, beside what the kernel says the process used"),
                fact("Samples", whole(m.samples), "in " + count(m.profiles, "profile", "profiles")),
                fact("Time", span(m.endMs - m.startMs), moment(m.startMs) + " – " + moment(m.endMs), who),
                fact("Profiler’s own CPU", seconds(m.overheadNs), m.cpuTimeNs > 0 ? percent(m.overheadNs, m.cpuTimeNs) + " of the process’s" : ""),
                h("div.fact" + (lost > 0 ? ".warn" : ""), {}, h("span.label", {}, "Lost"), h("span.value", {}, whole(lost)), details));
        },
    };
}
