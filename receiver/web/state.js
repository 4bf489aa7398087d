// @ts-check
// Why: what is looked at is in the URL's fragment: a link to it can be sent, and the browser's back button works.

import { RANGES } from "./range.js";
import { THREADS } from "./threads.js";

/**
 * @typedef {{
 *   group: string | null, list: boolean, range: string, startMs: number | null, endMs: number | null, query: string,
 *   threads: string, zoom: string[], selected: string | null, flipped: boolean, sort: string, down: boolean, live: boolean,
 * }} State range: a key of RANGES in range.js, or "custom"; "" not chosen. threads: a key of
 * THREADS in threads.js; "" not chosen. zoom: marks of frames from the root.
 */

/** @returns {State} */
export function readState() {
    const query = new URLSearchParams(location.hash.slice(1));
    const number = (/** @type {string} */ key) => {
        const value = query.get(key);
        return value !== null && /^\d{1,15}$/.test(value) ? Number(value) : null;
    };
    return {
        group: /^[\w-]{1,255}$/.test(query.get("g") ?? "") ? query.get("g") : null, // what no group can be called is no group
        list: query.has("list"),
        range: Object.hasOwn(RANGES, query.get("r") ?? "") ? query.get("r") ?? "" : "",
        startMs: number("from"),
        endMs: number("to"),
        threads: Object.hasOwn(THREADS, query.get("th") ?? "") ? query.get("th") ?? "" : "",
        query: query.get("q") ?? "",
        zoom: (query.get("z") ?? "").split(".").filter((mark) => /^[0-9a-z]{1,8}$/.test(mark)),
        selected: query.get("sel"),
        flipped: query.get("flip") === "1",
        sort: ["self", "total", "name", "object"].includes(query.get("sort") ?? "") ? query.get("sort") ?? "self" : "self",
        down: query.get("up") !== "1",
        live: query.get("live") !== "0",
    };
}

/** @param {State} state @param {boolean} isStep whether "back" should lead to where we were */
export function writeState(state, isStep = false) {
    const query = new URLSearchParams();
    const put = (/** @type {string} */ key, /** @type {any} */ value, /** @type {boolean} */ needed) => needed && query.set(key, String(value));
    put("list", "1", state.group === null && state.list);
    put("g", state.group, state.group !== null);
    put("r", state.range, state.range !== "");
    put("from", state.startMs, state.range === "custom" && state.startMs !== null);
    put("to", state.endMs, state.range === "custom" && state.endMs !== null);
    put("th", state.threads, state.threads !== "");
    put("q", state.query, state.query !== "");
    put("z", state.zoom.join("."), state.zoom.length > 0);
    put("sel", state.selected, state.selected !== null);
    put("flip", "1", state.flipped);
    put("sort", state.sort, state.sort !== "self");
    put("up", "1", !state.down);
    put("live", "0", !state.live);
    const hash = "#" + query.toString();
    if (hash === location.hash || (hash === "#" && location.hash === ""))
        return;
    if (isStep)
        history.pushState(null, "", hash);
    else
        history.replaceState(null, "", hash);
}
