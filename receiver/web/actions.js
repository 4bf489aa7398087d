// @ts-check
// Why: what can be done with a frame, in one place, for the graph's menu, the table's and the panel of a function.

import { visible } from "./format.js";
import { frameMark, pathTo } from "./tree.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./menu.js").Item} Item */

/** @param {string} text */
function copy(text) {
    navigator.clipboard?.writeText(text).catch(() => {}); // it may be refused, then nothing is copied
}

/** The stack of a node, innermost first, as debuggers print it. @param {import("./tree.js").Tree} tree @param {number} node */
export function stackText(tree, node) {
    return pathTo(tree, node).reverse().map((at, i) => {
        const frame = tree.frames[tree.frame[at]];
        return `#${i} ${visible(frame.name)}${frame.object ? ` (${visible(frame.object)})` : ""}`;
    }).join("\n");
}

/**
 * @param {import("./tree.js").Tree} tree @param {number} which a frame @param {State} state
 * @param {(change: Partial<State>, isStep?: boolean) => void} change
 * @returns {Item[]}
 */
export function frameActions(tree, which, state, change) {
    const frame = tree.frames[which], mark = frameMark(frame), { lens } = state, exact = "=" + frame.name;
    const look = (/** @type {Partial<import("./transform.js").Lens>} */ part) => change({ lens: { ...lens, ...part }, zoom: [] }, true);
    return [
        state.view === "sandwich" && state.selected === mark ? { label: "Flame graph", run: () => change({ view: "graph" }, true) }
            : { label: "Callers and callees", key: "s", run: () => change({ view: "sandwich", selected: mark }, true) },
        ...(frame.file !== "" ? [{ label: "Source", key: "o", run: () => change({ view: "source", selected: mark }, true) }] : []),
        null,
        { label: "Only stacks with it", run: () => look({ focus: exact }) },
        { label: "Drop stacks with it", run: () => look({ drop: exact }) },
        { label: "Show from here", run: () => look({ from: exact }) },
        { label: "Hide its frames", run: () => look({ hide: exact }) },
        ...(frame.object !== "" && !lens.collapse.includes(frame.object) ? [{ label: "Fold its object", run: () => look({ collapse: [...lens.collapse, frame.object] }) }] : []),
        null,
        { label: "Copy name", run: () => copy(frame.name) },
    ];
}

/**
 * @param {import("./tree.js").Tree} tree @param {number} node @param {State} state
 * @param {(change: Partial<State>, isStep?: boolean) => void} change @param {((node: number) => void) | null} zoomTo
 * @returns {Item[]}
 */
export function nodeActions(tree, node, state, change, zoomTo) {
    const which = tree.frame[node];
    const zoom = zoomTo === null ? [] : [{ label: "Zoom in", key: "Enter", run: () => zoomTo(node) }];
    if (which === 0)
        return zoom;
    const details = { label: "Details", key: "d", run: () => change({ selected: frameMark(tree.frames[which]) }, true) };
    return [...zoom, details, ...frameActions(tree, which, state, change), { label: "Copy stack", run: () => copy(stackText(tree, node)) }];
}
