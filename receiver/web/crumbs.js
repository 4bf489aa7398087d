// @ts-check
// Why: the way from the root to what is zoomed in on; each step leads back.

import { h } from "./dom.js";
import { percent, seconds, visibleShort } from "./format.js";
import { pathTo } from "./tree.js";

const FIRST = 2, LAST = 4;

/** @param {(node: number) => void} onZoom */
export function makeCrumbs(onZoom) {
    const element = h("nav.crumbs", { "aria-label": "Zoom" });
    return {
        element,
        /** @param {import("./tree.js").Tree} tree @param {number} zoom */
        show(tree, zoom) {
            const path = pathTo(tree, zoom);
            const button = (/** @type {number} */ node, /** @type {string} */ text) =>
                h("button.crumb", { type: "button", "aria-current": node === zoom ? "true" : null, title: text, onclick: () => onZoom(node) }, text);
            const items = [button(0, "all")];
            const hidden = path.length - FIRST - LAST > 1 ? path.length - FIRST - LAST : 0;
            path.forEach((node, i) => {
                if (i === FIRST && hidden > 0)
                    items.push(h("span.more", { title: "left out here" }, `… ${hidden} frames …`));
                if (i < FIRST || i >= FIRST + hidden)
                    items.push(button(node, visibleShort(tree.frames[tree.frame[node]].name || "(nameless)")));
            });
            const parts = items.flatMap((item, i) => (i === 0 ? [item] : [h("span.arrow", { "aria-hidden": "true" }, "›"), item]));
            if (zoom !== 0)
                parts.push(h("span.share", {}, `${seconds(tree.total[zoom])}, ${percent(tree.total[zoom], tree.total[0])} of all`),
                    h("button.plain", { type: "button", title: "Show all again (0)", onclick: () => onZoom(0) }, "Reset zoom"));
            element.replaceChildren(...parts);
        },
    };
}
