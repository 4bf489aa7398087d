// @ts-check
// Why: which colour is which object, and how much of the time was in its own code.

import { assignColors, isDark, objectColor } from "./colors.js";
import { h } from "./dom.js";
import { percent, visibleShort } from "./format.js";

const SHOWN = 8;

/** Objects with their self time, the largest first. @param {import("./tree.js").Tree} tree */
export function objectsOf(tree) {
    /** @type {Map<string, number>} */
    const sums = new Map();
    for (let i = 1; i < tree.frames.length; i++)
        sums.set(tree.frames[i].object, (sums.get(tree.frames[i].object) ?? 0) + tree.frameSelf[i]);
    const objects = [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    assignColors(objects.map(([name]) => name));
    return objects;
}

/** @param {(object: string) => void} onChoose */
export function makeLegend(onChoose) {
    const element = h("div.legend", { role: "group", "aria-label": "Objects, by self time" });
    return {
        element,
        /** @param {import("./tree.js").Tree} tree */
        show(tree) {
            const objects = objectsOf(tree).filter(([, self]) => self > 0), dark = isDark();
            const items = objects.slice(0, SHOWN).map(([name, self]) => {
                const swatch = h("i.swatch", { "aria-hidden": "true" });
                swatch.style.background = objectColor(name, dark);
                return h("button.item", { type: "button", disabled: name === "", title: name === "" ? "" : "Search for " + visibleShort(name), onclick: () => onChoose(name) },
                    swatch, h("span.label", {}, name === "" ? "unknown" : visibleShort(name)), h("span.number", {}, percent(self, tree.total[0])));
            });
            if (objects.length > SHOWN) {
                const rest = objects.slice(SHOWN).reduce((sum, [, self]) => sum + self, 0);
                items.push(h("span.others", {}, `${objects.length - SHOWN} others ${percent(rest, tree.total[0])}`));
            }
            element.replaceChildren(...items);
        },
    };
}
