// @ts-check
// Why: the line above the graph: which view, and how it is drawn.

import { COLORINGS } from "./colors.js";
import { h } from "./dom.js";

/** @typedef {import("./state.js").State} State */
/** @type {[string, string, string][]} */
const TABS = [["graph", "Flame graph", "The whole call tree "], ["sandwich", "Sandwich", "Callers and callees of a function (s)"], ["source", "Source", "The selected function’s source file (o)"]];

/** @param {{change: (change: Partial<State>, isStep?: boolean) => void, get: () => State}} app @param {Node[]} more */
export function makeGraphHead(app, more) {
    const tabs = TABS.map(([view, label, title]) => h("button", { type: "button", title, "data-view": view, onclick: () => app.change({ view }, true) }, label));
    const flip = h("button.plain", { type: "button", title: "Turn the graph over (i)", onclick: () => app.change({ flipped: !app.get().flipped }) });
    const coloring = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Colour by", title: "What the colours tell (k)", onchange: () => app.change({ coloring: coloring.value }) },
        ...Object.entries(COLORINGS).map(([key, label]) => h("option", { value: key }, "Colour: " + label.toLowerCase()))));
    const names = h("button.plain", { type: "button", title: "Whole names, with parameters and template arguments, or short ones (n)", onclick: () => app.change({ full: !app.get().full }) }, "Full names");
    return {
        element: h("div.graph-head", {}, h("div.segments.tabs", { role: "group", "aria-label": "View" }, ...tabs), h("span.grow"), ...more, coloring, names, flip),
        /** @param {State} state @param {boolean} isDiff */
        show(state, isDiff) {
            for (const tab of tabs)
                tab.setAttribute("aria-pressed", String(tab.dataset.view === state.view));
            flip.textContent = state.flipped ? "Flame ↑" : "Icicle ↓";
            flip.hidden = state.view !== "graph";
            coloring.value = state.coloring;
            coloring.hidden = isDiff || state.view === "source";
            names.setAttribute("aria-pressed", String(state.full));
        },
    };
}
