// @ts-check
// Why: what the selection is compared with: another time, another group, or other filters.

import { h } from "./dom.js";
import { makeRangePicker, rangeMs } from "./range.js";

/** @typedef {import("./state.js").Selection} Selection */

/** The same length of time, just before. @param {Selection} selection @param {{startMs: number, endMs: number} | null} known what "all" is */
export function previous(selection, known) {
    const { startMs, endMs } = rangeMs(selection);
    const from = startMs ?? known?.startMs ?? null, to = endMs ?? known?.endMs ?? Date.now();
    if (from === null)
        return { ...selection, range: "all", startMs: null, endMs: null };
    return { ...selection, range: "custom", startMs: Math.max(0, from - Math.max(to - from, 1000)), endMs: from - 1 };
}

/** @param {{onChange: (base: Selection | null) => void, known: () => {startMs: number, endMs: number} | null}} callbacks */
export function makeCompare({ onChange, known }) {
    /** @type {{main: Selection, base: Selection} | null} */
    let now = null;
    const change = (/** @type {Partial<Selection>} */ part) => now !== null && onChange({ ...now.base, ...part });
    const group = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Group of the baseline", onchange: () => change({ group: group.value }) }));
    const range = makeRangePicker((part) => change(part), "base");
    const filters = h("span.quiet");
    const before = h("button.plain", { type: "button", title: "The same length of time, just before", onclick: () => now !== null && onChange(previous(now.main, known())) }, "Just before");
    const swap = h("span.vs", {}, "Compared with");
    const element = h("div.compare", { role: "group", "aria-label": "Baseline" }, swap, group, range.element, before, filters, h("span.grow"),
        h("button.plain", { type: "button", title: "End the comparison (c)", onclick: () => onChange(null) }, "End comparison"));
    element.hidden = true;
    return {
        element,
        /** @param {Selection} main @param {Selection | null} base @param {string[]} groups */
        show(main, base, groups) {
            element.hidden = base === null;
            now = base !== null ? { main, base } : null;
            if (base === null)
                return;
            const names = groups.includes(base.group ?? "") ? groups : [...groups, base.group ?? ""];
            if (group.options.length !== names.length || names.some((name, i) => group.options[i].value !== name))
                group.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
            group.value = base.group ?? "";
            range.show(base);
            filters.textContent = base.filters.map(([kind, value]) => `${kind} ${value}`).join(", ");
        },
    };
}
