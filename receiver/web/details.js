// @ts-check
// Why: all there is to say about one function: what it is, what it costs, who calls it and what it calls.

import { h } from "./dom.js";
import { cores, count, percent, seconds, visible, visibleShort } from "./format.js";
import { linesOf, wholeOf } from "./lines.js";
import { shortName, whyUnnamed } from "./names.js";
import { outermost } from "./transform.js";

/** @typedef {import("./tree.js").Tree} Tree */
const NEIGHBOURS = 6;

/** What calls and is called by a function, in ns, the largest first. @param {Tree} tree @param {number} which */
export function neighboursOf(tree, which) {
    /** @type {Map<number, number>} */
    const callers = new Map(), callees = new Map();
    const add = (/** @type {Map<number, number>} */ map, /** @type {number} */ key, /** @type {number} */ ns) => map.set(key, (map.get(key) ?? 0) + ns);
    for (const node of outermost(tree, which))
        add(callers, tree.frame[tree.parent[node]], tree.total[node]);
    const isCall = (/** @type {number} */ node) => tree.parent[node] !== 0 && tree.frame[tree.parent[node]] === which;
    for (let i = 1; i < tree.count; i++) {
        if (!isCall(i) || tree.frame[i] === which)
            continue;
        let up = tree.parent[i];
        while (up !== 0 && !(tree.frame[up] === tree.frame[i] && isCall(up)))
            up = tree.parent[up];
        if (up === 0) // else its time is in the outer call's
            add(callees, tree.frame[i], tree.total[i]);
    }
    const sorted = (/** @type {Map<number, number>} */ map) => [...map].sort((a, b) => b[1] - a[1]);
    return { callers: sorted(callers), callees: sorted(callees) };
}

/** @param {{onSelect: (frame: number) => void, onClose: () => void, actionsOf: (frame: number) => import("./menu.js").Item[]}} callbacks */
export function makeDetails({ onSelect, onClose, actionsOf }) {
    const element = h("aside.details", { "aria-label": "The selected function" });
    element.hidden = true;

    /** @param {Tree} tree @param {string} title @param {[number, number][]} list @param {number} all @param {boolean} full */
    function neighbours(tree, title, list, all, full) {
        const more = list.length - NEIGHBOURS;
        return h("section", {}, h("h3", {}, title), list.length === 0 ? h("p.quiet", {}, "none") : h("ul.neighbours", {}, ...list.slice(0, NEIGHBOURS).map(([frame, ns]) => {
            const bar = h("i.share", { "aria-hidden": "true" }), { name } = tree.frames[frame];
            bar.style.width = Math.min(100, all > 0 ? 100 * ns / all : 0) + "%";
            const text = frame === 0 ? "(outermost)" : visibleShort((full ? name : shortName(name)) || "(nameless)");
            return h("li", {}, bar, h("button", { type: "button", disabled: frame === 0, title: visibleShort(name), onclick: () => onSelect(frame) }, text), h("span.number", {}, percent(ns, all)));
        }), more > 0 ? h("li.quiet", {}, "and " + count(more, "other", "others")) : null));
    }

    /** The lines that cost most; where there is but one, there is nothing to say. @param {Tree} tree @param {number} which */
    function linesIn(tree, which) {
        const lines = [...linesOf(tree, [which])].sort(([, a], [, b]) => b.total - a.total || b.self - a.self), all = wholeOf(tree), more = lines.length - NEIGHBOURS;
        if (lines.length < 2)
            return "";
        return h("section", {}, h("h3", {}, "Lines"), h("ul.neighbours.lines", { title: "Of all threads and stacks: self, total" }, ...lines.slice(0, NEIGHBOURS).map(([line, { self, total }]) => {
            const bar = h("i.share", { "aria-hidden": "true" });
            bar.style.width = Math.min(100, all > 0 ? 100 * total / all : 0) + "%";
            return h("li", {}, bar, h("span.grow", {}, `line ${line}`), h("span.number", {}, `${percent(self, all)} · ${percent(total, all)}`));
        }), more > 0 ? h("li.quiet", {}, "and " + count(more, "other", "others")) : null));
    }

    return {
        element,
        /** @param {Tree | null} tree @param {number} which below 0: none @param {boolean} full */
        show(tree, which, full) {
            element.hidden = tree === null || which < 1;
            if (tree === null || which < 1)
                return;
            const frame = tree.frames[which], all = tree.total[0], self = tree.frameSelf[which], total = tree.frameTotal[which];
            const { callers, callees } = neighboursOf(tree, which), why = whyUnnamed(frame);
            const place = frame.file === "" ? null : visible(frame.file) + (frame.line > 0 ? ":" + frame.line : "");
            const row = (/** @type {string} */ what, /** @type {number} */ ns) => h("tr", {}, h("th", { scope: "row" }, what), h("td", {}, seconds(ns)), h("td", {}, percent(ns, all)), h("td", {}, cores(ns, tree.meta)));
            element.replaceChildren(
                h("div.details-head", {}, h("h2", {}, visibleShort(shortName(frame.name) || "(nameless)")),
                    h("button.plain", { type: "button", title: "Close (Esc)", "aria-label": "Close", onclick: onClose }, "×")),
                frame.name !== shortName(frame.name) ? h("p.full-name", {}, visible(frame.name)) : "",
                h("p.quiet", {}, visibleShort(frame.object) || "object unknown"),
                place !== null ? h("p.place", {}, place) : "",
                why !== null ? h("p.why", {}, why) : "",
                h("table.costs", {}, h("tbody", {}, row("self", self), row("total", total))),
                linesIn(tree, which), neighbours(tree, "Called by", callers, total, full), neighbours(tree, "Calls", callees, total, full),
                h("div.actions", {}, ...actionsOf(which).filter((item) => item !== null).map((item) => h("button.plain", { type: "button", onclick: item.run }, item.label))));
        },
    };
}
