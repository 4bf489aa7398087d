// @ts-check
// Why: the functions by their cost, or by how it changed; the same data as the graph for those who read rather than look.

import { changeColor, changeStrength, colorKey, isDark, objectColor } from "./colors.js";
import { change } from "./diff.js";
import { h } from "./dom.js";
import { count, percent, points, secondsColumn, visibleShort } from "./format.js";
import { shortName } from "./names.js";

const FIRST_ROWS = 100, MORE_ROWS = 400;

/** @typedef {import("./model.js").Shown} Tree */
/** @typedef {{key: string, label: string, width: number, numeric: boolean, title: string}} Column */
/** @type {Column[]} */
const COLUMNS = [
    { key: "self", label: "Self (s)", width: 2, numeric: true, title: "Time in the function’s own code" },
    { key: "total", label: "Total (s)", width: 2, numeric: true, title: "Time in the function and all that it calls; recursion counts once" },
    { key: "name", label: "Function", width: 1, numeric: false, title: "" },
    { key: "object", label: "Object", width: 1, numeric: false, title: "The program or library that the code is in" },
];
/** @type {Column[]} */
const CHANGE_COLUMNS = [
    { key: "self", label: "Self: baseline, now, change", width: 3, numeric: true, title: "Share of all time in the function’s own code; the change in percentage points" },
    { key: "total", label: "Total: baseline, now, change", width: 3, numeric: true, title: "Share of all time in the function and all that it calls" },
    COLUMNS[2], COLUMNS[3],
];

/** @typedef {(a: number, b: number) => number} Order */
/** @param {Tree} tree @param {string} key @returns {Order} */
function orderOf(tree, key) {
    const { frames, frameSelf, frameTotal, sides } = tree;
    if (key === "name" || key === "object") {
        const text = (/** @type {number} */ i) => (key === "name" ? frames[i].name : frames[i].object);
        return (a, b) => (text(a) < text(b) ? 1 : text(a) > text(b) ? -1 : 0);
    }
    if (sides === undefined)
        return key === "total" ? (a, b) => frameTotal[a] - frameTotal[b] || frameSelf[a] - frameSelf[b] : (a, b) => frameSelf[a] - frameSelf[b] || frameTotal[a] - frameTotal[b];
    // What is no noise first, then by the size of the change.
    const [from, to] = key === "total" ? [sides.frameTotalA, sides.frameTotalB] : [sides.frameSelfA, sides.frameSelfB];
    const size = from.map((a, i) => {
        const { delta, isNoise } = change(a, to[i], sides);
        return Math.abs(delta) + (isNoise ? 0 : 2);
    });
    return (a, b) => size[a] - size[b];
}

/** @param {Tree} tree @param {string} key @param {boolean} down */
function sorted(tree, key, down) {
    const rows = [];
    for (let i = 1; i < tree.frames.length; i++)
        if (tree.frameTotal[i] > 0)
            rows.push(i);
    const order = orderOf(tree, key);
    return rows.sort((a, b) => (down ? order(b, a) : order(a, b)) || a - b);
}

/** @param {{onSort: (key: string) => void, onSelect: (frame: number) => void, onMenu: (frame: number, x: number, y: number) => void}} callbacks */
export function makeTable(callbacks) {
    const headRow = h("tr"), body = h("tbody"), table = h("table.functions", {}, h("thead", {}, headRow), body);
    const note = h("p.note"), more = h("button.plain", { type: "button", onclick: () => {
        limit += MORE_ROWS;
        fill();
    } });
    const element = h("section.top", { "aria-labelledby": "top-table-heading" },
        h("div.heading", {}, h("h2", { id: "top-table-heading", tabindex: -1 }, "Functions"), note),
        h("div.scroll", {}, table), more);
    /** @type {{tree: Tree, rows: number[], selected: number, searching: boolean, full: boolean, coloring: string} | null} */
    let shown = null;
    let limit = FIRST_ROWS;

    /** @param {number} ns @param {number} all @param {(ns: number) => string} format */
    function cells(ns, all, format) {
        const bar = h("i.share", { "aria-hidden": "true" });
        bar.style.width = (all > 0 ? Math.min(100, (100 * ns) / all) : 0) + "%";
        return [h("td.number", { "data-ns": ns }, format(ns)), h("td.percent", {}, bar, h("span", {}, percent(ns, all)))];
    }

    /** @param {number} a @param {number} b @param {import("./diff.js").Sides} sides @param {boolean} dark */
    function changeCells(a, b, sides, dark) {
        const c = change(a, b, sides), mark = h("i.swatch", { "aria-hidden": "true" });
        mark.style.background = changeColor(changeStrength(c), dark);
        return [h("td.number", { "data-ns": a }, percent(a, sides.allA)), h("td.number", { "data-ns": b }, percent(b, sides.allB)),
            h("td.number.change" + (c.isNoise ? ".noise" : ""), { title: c.isNoise ? "Not more than chance makes" : `${Math.abs(c.sigmas).toFixed(1)} σ`, "data-delta": c.delta }, mark, points(c.delta))];
    }

    function fill() {
        if (shown === null)
            return;
        const { tree, rows, selected, full, coloring } = shown, { sides } = tree, all = tree.total[0], format = secondsColumn(all), dark = isDark();
        body.replaceChildren(...rows.slice(0, limit).map((i) => {
            const frame = tree.frames[i], swatch = h("i.swatch", { "aria-hidden": "true" });
            swatch.style.background = objectColor(colorKey(frame, coloring), dark);
            const whole = visibleShort(frame.name || "(nameless)"), name = full ? whole : visibleShort(shortName(frame.name) || "(nameless)");
            const numbers = sides === undefined ? [...cells(tree.frameSelf[i], all, format), ...cells(tree.frameTotal[i], all, format)]
                : [...changeCells(sides.frameSelfA[i], sides.frameSelfB[i], sides, dark), ...changeCells(sides.frameTotalA[i], sides.frameTotalB[i], sides, dark)];
            return h("tr", { "data-frame": i, "aria-selected": i === selected ? "true" : null }, ...numbers,
                h("td.name", {}, h("button", { type: "button", title: whole + (frame.file ? "\n" + visibleShort(frame.file) + (frame.line ? ":" + frame.line : "") : ""), "aria-pressed": String(i === selected) }, name)),
                h("td.object", { title: visibleShort(frame.object) }, swatch, visibleShort(frame.object)));
        }));
        if (rows.length === 0)
            body.replaceChildren(h("tr", {}, h("td.empty", { colspan: 8 }, shown.searching ? "No function matches." : "No function has any of this time.")));
        more.hidden = rows.length <= limit;
        more.textContent = `Show ${Math.min(MORE_ROWS, rows.length - limit)} more of ${rows.length - limit}`;
        note.textContent = count(rows.length, "function", "functions") + (shown.searching ? " match the search" : "");
    }

    const frameOf = (/** @type {Event} */ event) => {
        const row = event.target instanceof Element ? event.target.closest("tr[data-frame]") : null;
        return row instanceof HTMLElement ? Number(row.dataset.frame) : -1;
    };
    body.addEventListener("click", (/** @type {Event} */ event) => frameOf(event) > 0 && callbacks.onSelect(frameOf(event)));
    body.addEventListener("contextmenu", (/** @type {MouseEvent} */ event) => {
        if (frameOf(event) <= 0)
            return;
        event.preventDefault();
        const box = /** @type {Element} */ (event.target).getBoundingClientRect();
        callbacks.onMenu(frameOf(event), event.clientX || box.left + 20, event.clientY || box.bottom); // by a key there is no place
    });

    /** @param {Column[]} columns @param {string} sort @param {boolean} down */
    function showHead(columns, sort, down) {
        if (headRow.dataset.for !== columns[0].label) {
            headRow.dataset.for = columns[0].label;
            headRow.replaceChildren(...columns.map((column) => h("th" + (column.numeric ? ".number" : "." + column.key), { scope: "col", colspan: column.width },
                h("button", { type: "button", title: column.title, onclick: () => callbacks.onSort(column.key) }, column.label))));
        }
        columns.forEach((column, i) => headRow.children[i].setAttribute("aria-sort", column.key !== sort ? "none" : down === column.numeric ? "descending" : "ascending"));
    }

    return {
        element,
        /** @param {Tree} tree
         * @param {{sort: string, down: boolean, matches: Uint8Array | null, selected: number, full: boolean, coloring: string}} how */
        show(tree, { sort, down, matches, selected, full, coloring }) {
            if (shown === null || shown.tree.meta.group !== tree.meta.group)
                limit = FIRST_ROWS;
            const isDiff = tree.sides !== undefined;
            table.classList.toggle("compared", isDiff);
            showHead(isDiff ? CHANGE_COLUMNS : COLUMNS, sort, down);
            const rows = sorted(tree, sort, down);
            shown = { tree, rows: matches === null ? rows : rows.filter((i) => matches[i] === 1), selected, searching: matches !== null, full, coloring };
            fill();
        },
        recolor: fill,
    };
}
