// @ts-check
// Why: what is looked at is in the URL's fragment: a link to it can be sent, and the browser's back button works.

import { COLORINGS } from "./colors.js";
import { RANGES } from "./range.js";
import { THREADS } from "./threads.js";
import { clearLens } from "./transform.js";

/**
 * @typedef {{group: string | null, range: string, startMs: number | null, endMs: number | null, threads: string, filters: [string, string][]}} Selection
 * which samples: range is a key of RANGES in range.js, "" not chosen; threads a key of THREADS in threads.js, "" not chosen; filters:
 * kind and value, of FILTERS in filters.js
 * @typedef {Selection & {
 *   list: boolean, base: Selection | null, view: string, query: string, zoom: string[], selected: string | null, flipped: boolean,
 *   coloring: string, full: boolean, sort: string, down: boolean, live: boolean, lens: import("./transform.js").Lens,
 * }} State base: what is compared with; view: one of VIEWS; zoom: marks of frames from the root; selected: the mark of a function
 */

export const VIEWS = ["graph", "sandwich", "source"];
export const FILTERS = ["host", "process", "thread", "label"];
const SORTS = ["self", "total", "name", "object", "change"], LEVELS = ["function", "object", "package"];
const TEXT_MAX = 4200, FILTERS_MAX = 16;

/** @param {URLSearchParams} query @returns {Selection} */
function readSelection(query) {
    const number = (/** @type {string} */ key) => {
        const value = query.get(key);
        return value !== null && /^\d{1,15}$/.test(value) ? Number(value) : null;
    };
    const oneOf = (/** @type {string} */ key, /** @type {object} */ table) => (Object.hasOwn(table, query.get(key) ?? "") ? query.get(key) ?? "" : "");
    return {
        group: /^[\w-]{1,255}$/.test(query.get("g") ?? "") ? query.get("g") : null, // what no group can be called is no group
        range: oneOf("r", RANGES),
        startMs: number("from"),
        endMs: number("to"),
        threads: oneOf("th", THREADS),
        filters: FILTERS.flatMap((kind) => query.getAll(kind).map((value) => /** @type {[string, string]} */ ([kind, value.slice(0, TEXT_MAX)])))
            .filter(([kind, value]) => kind !== "label" || /^[^:]+:/.test(value)).slice(0, FILTERS_MAX),
    };
}

/** @param {URLSearchParams} query @param {Selection} selection */
function writeSelection(query, selection) {
    const put = (/** @type {string} */ key, /** @type {any} */ value, /** @type {boolean} */ needed) => needed && query.set(key, String(value));
    put("g", selection.group, selection.group !== null);
    put("r", selection.range, selection.range !== "");
    put("from", selection.startMs, selection.range === "custom" && selection.startMs !== null);
    put("to", selection.endMs, selection.range === "custom" && selection.endMs !== null);
    put("th", selection.threads, selection.threads !== "");
    for (const [kind, value] of selection.filters)
        query.append(kind, value);
}

/** @param {URLSearchParams} query */
function readLens(query) {
    const text = (/** @type {string} */ key) => (query.get(key) ?? "").slice(0, TEXT_MAX), level = query.get("lv") ?? "";
    return {
        ...clearLens(), focus: text("only"), drop: text("drop"), from: text("sf"), hide: text("hide"),
        collapse: query.getAll("fold").slice(0, FILTERS_MAX).map((object) => object.slice(0, TEXT_MAX)),
        recursion: query.get("rec") === "1", level: LEVELS.includes(level) ? level : "function",
    };
}

/** @returns {State} */
export function readState() {
    const query = new URLSearchParams(location.hash.slice(1));
    const oneOf = (/** @type {string} */ key, /** @type {string[]} */ list, /** @type {string} */ otherwise) => (list.includes(query.get(key) ?? "") ? query.get(key) ?? otherwise : otherwise);
    const base = query.has("vs") ? readSelection(new URLSearchParams(query.get("vs") ?? "")) : null;
    return {
        ...readSelection(query),
        list: query.has("list"),
        base: base !== null && base.group !== null ? base : null,
        view: oneOf("view", VIEWS, "graph"),
        query: (query.get("q") ?? "").slice(0, TEXT_MAX),
        zoom: (query.get("z") ?? "").split(".").filter((mark) => /^[0-9a-z]{1,8}$/.test(mark)),
        selected: query.get("sel"),
        flipped: query.get("flip") === "1",
        coloring: oneOf("c", Object.keys(COLORINGS), "object"),
        full: query.get("full") === "1",
        sort: oneOf("sort", SORTS, "self"),
        down: query.get("up") !== "1",
        live: query.get("live") !== "0",
        lens: readLens(query),
    };
}

/** The fragment of a state's URL. @param {State} state */
export function hashOf(state) {
    const query = new URLSearchParams();
    const put = (/** @type {string} */ key, /** @type {any} */ value, /** @type {boolean} */ needed) => needed && query.set(key, String(value));
    put("list", "1", state.group === null && state.list);
    writeSelection(query, state);
    if (state.base !== null) {
        const base = new URLSearchParams();
        writeSelection(base, state.base);
        query.set("vs", base.toString());
    }
    put("view", state.view, state.view !== "graph");
    put("q", state.query, state.query !== "");
    put("z", state.zoom.join("."), state.zoom.length > 0);
    put("sel", state.selected, state.selected !== null);
    put("flip", "1", state.flipped);
    put("c", state.coloring, state.coloring !== "object");
    put("full", "1", state.full);
    put("sort", state.sort, state.sort !== "self");
    put("up", "1", !state.down);
    put("live", "0", !state.live);
    const { lens } = state;
    put("only", lens.focus, lens.focus !== "");
    put("drop", lens.drop, lens.drop !== "");
    put("sf", lens.from, lens.from !== "");
    put("hide", lens.hide, lens.hide !== "");
    for (const object of lens.collapse)
        query.append("fold", object);
    put("rec", "1", lens.recursion);
    put("lv", lens.level, lens.level !== "function");
    return "#" + query.toString();
}

/** @param {State} state @param {boolean} isStep whether "back" should lead to where we were */
export function writeState(state, isStep = false) {
    const hash = hashOf(state);
    if (hash === location.hash || (hash === "#" && location.hash === ""))
        return;
    if (isStep)
        history.pushState(null, "", hash);
    else
        history.replaceState(null, "", hash);
}
