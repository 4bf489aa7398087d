// @ts-check
// Why: what a frame costs, beside the pointer.

import { change } from "./diff.js";
import { byId, h } from "./dom.js";
import { cores, percent, points, seconds, visibleShort } from "./format.js";

/** @typedef {import("./model.js").Shown} Tree */

/** @param {Tree} tree @param {number} node @param {number} all what shares are of */
export function describe(tree, node, all = tree.total[0]) {
    const frame = tree.frames[tree.frame[node]], parent = tree.parent[node];
    return {
        name: tree.frame[node] === 0 ? "all" : visibleShort(frame.name || "(nameless)"),
        object: visibleShort(frame.object),
        place: frame.file ? visibleShort(frame.file) + (frame.line ? ":" + frame.line : "") : "",
        total: seconds(tree.total[node]),
        self: seconds(tree.self[node]),
        ofAll: percent(tree.total[node], all),
        selfOfAll: percent(tree.self[node], all),
        ofParent: node === 0 ? null : percent(tree.total[node], tree.total[parent]),
        cores: cores(tree.total[node], tree.meta),
    };
}

export function hideTooltip() {
    byId("tooltip").hidden = true;
}

/** @param {string} what @param {string[]} values */
function row(what, ...values) {
    return h("tr", {}, h("th", {}, what), ...values.map((value) => h("td", {}, value)));
}

/** The rows of a frame of two trees. @param {import("./diff.js").Sides} sides @param {number} node */
function changeRows(sides, node) {
    const a = sides.totalA[node], b = sides.totalB[node], c = change(a, b, sides);
    return [row("baseline", seconds(a), percent(a, sides.allA)), row("now", seconds(b), percent(b, sides.allB)),
        row("change", points(c.delta) + "\u00a0points", c.isNoise ? "may be chance" : `${Math.abs(c.sigmas).toFixed(1)}\u00a0σ`)];
}

/** @param {Tree} tree @param {number} node @param {number} x @param {number} y of the pointer @param {number} all what shares are of */
export function showTooltip(tree, node, x, y, all = tree.total[0]) {
    const box = byId("tooltip"), d = describe(tree, node, all);
    const rows = tree.sides !== undefined ? changeRows(tree.sides, node)
        : [row("total", d.total, d.ofAll, d.cores), row("self", d.self, d.selfOfAll, ""), d.ofParent !== null ? row("of its caller", "", d.ofParent, "") : ""];
    box.replaceChildren(
        h("div.name", {}, d.name),
        d.object || d.place ? h("div.from", {}, [d.object, d.place].filter(Boolean).join(" · ")) : "",
        h("table", {}, h("tbody", {}, ...rows)));
    placeTooltip(x, y);
}

/** Shows what the box holds. @param {number} x @param {number} y of the pointer */
export function placeTooltip(x, y) {
    const box = byId("tooltip");
    box.hidden = false;
    const { width, height } = box.getBoundingClientRect(), gap = 14;
    const left = x + gap + width > innerWidth - 8 ? x - gap - width : x + gap;
    const top = y + gap + height > innerHeight - 8 ? y - gap - height : y + gap;
    box.style.left = Math.max(8, left) + "px";
    box.style.top = Math.max(8, top) + "px";
}
