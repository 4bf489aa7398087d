// @ts-check
// Why: one function in the middle, all that calls it above, all that it calls below: where its time comes from, and where it goes.

import { h } from "./dom.js";
import { makeFlame } from "./flame.js";
import { percent, seconds, visibleShort } from "./format.js";
import { shortName } from "./names.js";
import { hideTooltip, showTooltip } from "./tooltip.js";

/** @typedef {import("./model.js").Shown} Tree */
/**
 * @param {{onChoose: (tree: Tree, node: number) => void, onMenu: (tree: Tree, node: number, x: number, y: number) => void,
 *   fillOf: (tree: Tree) => (node: number) => string}} callbacks
 */
export function makeSandwich({ onChoose, onMenu, fillOf }) {
    let all = 0;
    const half = (/** @type {boolean} */ flipped) => {
        /** @type {Tree | null} */
        let tree = null;
        const flame = makeFlame({
            onZoom: (node) => tree !== null && node !== 0 && onChoose(tree, node),
            onHover: (node, x, y) => (node === null || tree === null ? hideTooltip() : showTooltip(tree, node, x, y, all)),
            onFocus: () => {},
            onMenu: (node, x, y) => tree !== null && onMenu(tree, node, x, y),
        });
        flame.canvas.setAttribute("aria-label", flipped ? "Callers of the function" : "What the function calls");
        return {
            flame,
            /** @param {Tree} now @param {string} rootLabel @param {boolean} full */
            show(now, rootLabel, full) {
                tree = now;
                flame.show(now, { zoom: 0, flipped, rootLabel, full, fill: fillOf(now) });
            },
        };
    };
    const callers = half(true), callees = half(false);
    const hint = h("p.hint"), title = h("p.middle");
    const picture = h("div.halves", {}, h("h3", {}, "Callers"), callers.flame.element, h("h3", {}, "Callees"), callees.flame.element);
    const element = h("div.sandwich", {}, hint, title, picture);
    return {
        element,
        /** @param {Tree} tree @param {number} which below 1: none is chosen @param {{callers: Tree, callees: Tree} | null} around @param {boolean} full */
        show(tree, which, around, full) {
            hint.hidden = around !== null;
            title.hidden = picture.hidden = around === null;
            if (around === null) {
                hint.textContent = "Choose a function in the table below, or with “Callers and callees” in a frame’s menu.";
                return;
            }
            all = tree.total[0];
            const { name } = tree.frames[which], text = visibleShort((full ? name : shortName(name)) || "(nameless)");
            const total = tree.frameTotal[which];
            title.replaceChildren(h("b", {}, text), ` ${seconds(total)} in all, ${percent(total, all)} of the time · ${seconds(tree.frameSelf[which])} itself · a click puts another function here`);
            callers.show(around.callers, text, full);
            callees.show(around.callees, text, full);
        },
    };
}
