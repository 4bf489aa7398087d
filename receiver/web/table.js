// @ts-check
// Why: the functions by their cost; the same data as the graph for those who read rather than look.

import { isDark, objectColor } from "./colors.js";
import { h } from "./dom.js";
import { count, percent, secondsColumn, visibleShort } from "./format.js";

const FIRST_ROWS = 100, MORE_ROWS = 400;

/** @typedef {import("./tree.js").Tree} Tree */
/** @type {{key: string, label: string, numeric: boolean, title: string}[]} */
const COLUMNS = [
    { key: "self", label: "Self (s)", numeric: true, title: "Time in the function's own code" },
    { key: "total", label: "Total (s)", numeric: true, title: "Time in the function and all that it calls; recursion counts once" },
    { key: "name", label: "Function", numeric: false, title: "" },
    { key: "object", label: "Object", numeric: false, title: "The program or library that the code is in" },
];

/** @param {Tree} tree @param {string} key @param {boolean} down */
function sorted(tree, key, down) {
    const rows = [];
    for (let i = 1; i < tree.frames.length; i++)
        if (tree.frameTotal[i] > 0)
            rows.push(i);
    const { frames, frameSelf, frameTotal } = tree;
    const text = (/** @type {number} */ a, /** @type {number} */ b) => {
        const [x, y] = key === "name" ? [frames[a].name, frames[b].name] : [frames[a].object, frames[b].object];
        return x < y ? -1 : x > y ? 1 : 0;
    };
    const order = {
        self: (/** @type {number} */ a, /** @type {number} */ b) => frameSelf[a] - frameSelf[b] || frameTotal[a] - frameTotal[b],
        total: (/** @type {number} */ a, /** @type {number} */ b) => frameTotal[a] - frameTotal[b] || frameSelf[a] - frameSelf[b],
    }[key] ?? ((/** @type {number} */ a, /** @type {number} */ b) => -text(a, b));
    return rows.sort((a, b) => (down ? order(b, a) : order(a, b)) || a - b);
}

/** @param {{onSort: (key: string) => void, onSelect: (frame: number) => void}} callbacks */
export function makeTable(callbacks) {
    const heads = COLUMNS.map((column) => h("th" + (column.numeric ? ".number" : "." + column.key), { scope: "col", colspan: column.numeric ? 2 : 1 },
        h("button", { type: "button", title: column.title, onclick: () => callbacks.onSort(column.key) }, column.label)));
    const body = h("tbody");
    const note = h("p.note"), more = h("button.plain", { type: "button", onclick: () => {
        limit += MORE_ROWS;
        fill();
    } });
    const element = h("section.top", { "aria-labelledby": "top-table-heading" },
        h("div.heading", {}, h("h2", { id: "top-table-heading", tabindex: -1 }, "Functions"), note),
        h("div.scroll", {}, h("table.functions", {}, h("thead", {}, h("tr", {}, ...heads)), body)), more);
    /** @type {{tree: Tree, rows: number[], selected: number, searching: boolean} | null} */
    let shown = null;
    let limit = FIRST_ROWS;

    /** @param {number} ns @param {number} all @param {(ns: number) => string} format */
    function cells(ns, all, format) {
        const bar = h("i.share", { "aria-hidden": "true" });
        bar.style.width = (all > 0 ? Math.min(100, (100 * ns) / all) : 0) + "%";
        return [h("td.number", { "data-ns": ns }, format(ns)), h("td.percent", {}, bar, h("span", {}, percent(ns, all)))];
    }

    function fill() {
        if (shown === null)
            return;
        const { tree, rows, selected } = shown, all = tree.total[0], format = secondsColumn(all), dark = isDark();
        body.replaceChildren(...rows.slice(0, limit).map((i) => {
            const frame = tree.frames[i], swatch = h("i.swatch", { "aria-hidden": "true" });
            swatch.style.background = objectColor(frame.object, dark);
            const name = visibleShort(frame.name || "(nameless)");
            return h("tr", { "data-frame": i, "aria-selected": i === selected ? "true" : null, onclick: () => callbacks.onSelect(i) },
                ...cells(tree.frameSelf[i], all, format), ...cells(tree.frameTotal[i], all, format),
                h("td.name", {}, h("button", { type: "button", title: name + (frame.file ? "\n" + visibleShort(frame.file) + (frame.line ? ":" + frame.line : "") : "") + "\nclick to show where it is in the graph", "aria-pressed": String(i === selected) }, name)),
                h("td.object", { title: visibleShort(frame.object) }, swatch, visibleShort(frame.object)));
        }));
        if (rows.length === 0)
            body.replaceChildren(h("tr", {}, h("td.empty", { colspan: 6 }, shown.searching ? "No function matches." : "No function has any of this time.")));
        more.hidden = rows.length <= limit;
        more.textContent = `Show ${Math.min(MORE_ROWS, rows.length - limit)} more of ${rows.length - limit}`;
        note.textContent = count(rows.length, "function", "functions") + (shown.searching ? " match the search" : "");
    }

    return {
        element,
        /** @param {Tree} tree @param {{sort: string, down: boolean, matches: Uint8Array | null, selected: number}} how */
        show(tree, { sort, down, matches, selected }) {
            if (shown === null || shown.tree.meta.group !== tree.meta.group)
                limit = FIRST_ROWS;
            COLUMNS.forEach((column, i) => heads[i].setAttribute("aria-sort", column.key !== sort ? "none" : down === column.numeric ? "descending" : "ascending"));
            const rows = sorted(tree, sort, down);
            shown = { tree, rows: matches === null ? rows : rows.filter((i) => matches[i] === 1), selected, searching: matches !== null };
            fill();
        },
        recolor: fill,
    };
}
