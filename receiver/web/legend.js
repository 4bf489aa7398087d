// @ts-check
// Why: what the colours say, and how much of the time each stands for.

import { assignColors, changeColor, colorKey, isDark, objectColor } from "./colors.js";
import { SIGMAS } from "./diff.js";
import { h } from "./dom.js";
import { percent, visibleShort } from "./format.js";
import { systemTest } from "./names.js";

const SHOWN = 8;

/** Self time by a key of each frame, the largest first. @param {import("./tree.js").Tree} tree @param {(frame: import("./tree.js").Frame) => string} keyOf */
function sumsBy(tree, keyOf) {
    /** @type {Map<string, number>} */
    const sums = new Map();
    for (let i = 1; i < tree.frames.length; i++) {
        const key = keyOf(tree.frames[i]);
        sums.set(key, (sums.get(key) ?? 0) + tree.frameSelf[i]);
    }
    return [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

/** Gives the objects or packages of a tree their colours. @param {import("./tree.js").Tree} tree @param {string} coloring */
export function assignTreeColors(tree, coloring) {
    assignColors(sumsBy(tree, (frame) => frame.object).map(([name]) => name));
    if (coloring === "package")
        assignColors(sumsBy(tree, (frame) => colorKey(frame, coloring)).map(([name]) => name));
}

/** @param {string} color */
function swatch(color) {
    const element = h("i.swatch", { "aria-hidden": "true" });
    element.style.background = color;
    return element;
}

/** @param {(text: string) => void} onChoose */
export function makeLegend(onChoose) {
    const element = h("div.legend", { role: "group" });

    /** @param {import("./tree.js").Tree} tree @param {string} coloring @param {boolean} dark */
    function byKey(tree, coloring, dark) {
        const keys = sumsBy(tree, (frame) => colorKey(frame, coloring)).filter(([, self]) => self > 0);
        const items = keys.slice(0, SHOWN).map(([name, self]) =>
            h("button.item", { type: "button", disabled: name === "", title: name === "" ? "" : "Search for " + visibleShort(name), onclick: () => onChoose(name) },
                swatch(objectColor(name, dark)), h("span.label", {}, name === "" ? "unknown" : visibleShort(name)), h("span.number", {}, percent(self, tree.total[0]))));
        if (keys.length > SHOWN) {
            const rest = keys.slice(SHOWN).reduce((sum, [, self]) => sum + self, 0);
            items.push(h("span.others", {}, `${keys.length - SHOWN} others ${percent(rest, tree.total[0])}`));
        }
        return items;
    }

    /** @param {import("./tree.js").Tree} tree @param {boolean} dark */
    function mine(tree, dark) {
        const isSystem = systemTest(tree.meta), sums = new Map(sumsBy(tree, (frame) => (isSystem(frame.object) ? "system" : "mine")));
        return [["mine", "the program’s own code"], ["system", "the system’s libraries"]].map(([key, text]) => h("span.item", {},
            swatch(key === "mine" ? `hsl(28 ${dark ? "36% 27%" : "56% 76%"})` : objectColor("", dark)), h("span.label", {}, text), h("span.number", {}, percent(sums.get(key) ?? 0, tree.total[0]))));
    }

    return {
        element,
        /** @param {import("./model.js").Shown} tree @param {string} coloring */
        show(tree, coloring) {
            const dark = isDark(), isDiff = tree.sides !== undefined;
            element.setAttribute("aria-label", isDiff ? "Colours of change" : "Self time by colour");
            element.replaceChildren(...(isDiff
                ? [h("span.item", {}, "less than in the baseline"), h("span.scale", { "aria-hidden": "true" }, ...[-4, -3, -2, -1, 0, 1, 2, 3, 4].map((s) => swatch(changeColor(s, dark)))), h("span.item", {}, "more"),
                    h("span.others", {}, `grey: not more than chance makes (${SIGMAS} σ) · widths: the mean of both`)]
                : coloring === "mine" ? mine(tree, dark) : coloring === "function" ? [h("span.others", {}, "each function has a colour of its own")] : byKey(tree, coloring, dark)));
        },
    };
}
