// @ts-check
// Why: what a frame costs, beside the pointer.

import { byId, h } from "./dom.js";
import { percent, seconds, visibleShort } from "./format.js";

/** @typedef {import("./tree.js").Tree} Tree */

/** @param {Tree} tree @param {number} node */
export function describe(tree, node) {
    const frame = tree.frames[tree.frame[node]], parent = tree.parent[node];
    return {
        name: node === 0 ? "all" : visibleShort(frame.name || "(nameless)"),
        object: visibleShort(frame.object),
        place: frame.file ? visibleShort(frame.file) + (frame.line ? ":" + frame.line : "") : "",
        total: seconds(tree.total[node]),
        self: seconds(tree.self[node]),
        ofAll: percent(tree.total[node], tree.total[0]),
        selfOfAll: percent(tree.self[node], tree.total[0]),
        ofParent: node === 0 ? null : percent(tree.total[node], tree.total[parent]),
    };
}

export function hideTooltip() {
    byId("tooltip").hidden = true;
}

/** @param {Tree} tree @param {number} node @param {number} x @param {number} y of the pointer */
export function showTooltip(tree, node, x, y) {
    const box = byId("tooltip"), d = describe(tree, node);
    const row = (/** @type {string} */ what, /** @type {string} */ value, /** @type {string} */ share) =>
        h("tr", {}, h("th", {}, what), h("td", {}, value), h("td", {}, share));
    box.replaceChildren(
        h("div.name", {}, d.name),
        d.object || d.place ? h("div.from", {}, [d.object, d.place].filter(Boolean).join(" · ")) : "",
        h("table", {}, h("tbody", {}, row("total", d.total, d.ofAll), row("self", d.self, d.selfOfAll),
            d.ofParent !== null ? row("of its caller", "", d.ofParent) : "")),
    );
    box.hidden = false;
    const { width, height } = box.getBoundingClientRect(), gap = 14;
    const left = x + gap + width > innerWidth - 8 ? x - gap - width : x + gap;
    const top = y + gap + height > innerHeight - 8 ? y - gap - height : y + gap;
    box.style.left = Math.max(8, left) + "px";
    box.style.top = Math.max(8, top) + "px";
}
