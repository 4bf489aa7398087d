// @ts-check
// Why: one way to write times, shares and names, so that columns line up and hostile names stay readable.

const NAME_SHOWN_MAX = 600;

/** Code points that change how their neighbours are shown, or that show nothing: a name must not play with the page. */
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** A name as it may be shown: invisible code points become "‹U+202E›". @param {string} text */
export function visible(text) {
    return text.replace(INVISIBLE, (c) => "‹U+" + c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0") + "›");
}

/** The same, cut for places that cannot grow. @param {string} text */
export function visibleShort(text) {
    return text.length > NAME_SHOWN_MAX ? visible(text.slice(0, NAME_SHOWN_MAX)) + "…" : visible(text);
}

/** Seconds of CPU time for a place of its own. @param {number} ns */
export function seconds(ns) {
    const s = ns / 1e9;
    if (s === 0)
        return "0\u00a0s";
    if (s < 0.0995)
        return (s * 1e3).toPrecision(s < 0.00995 ? 2 : 3) + "\u00a0ms";
    if (s < 99.5)
        return s.toFixed(s < 9.95 ? 2 : 1) + "\u00a0s";
    return whole(Math.round(s)) + "\u00a0s";
}

/** Formats for a column: the same number of decimals in all rows. @param {number} maxNs */
export function secondsColumn(maxNs) {
    const decimals = maxNs < 10e9 ? 3 : maxNs < 1000e9 ? 2 : 0;
    return (/** @type {number} */ ns) => group((ns / 1e9).toFixed(decimals));
}

/** @param {number} part @param {number} all */
export function percent(part, all) {
    return (all > 0 ? (100 * part) / all : 0).toFixed(1) + "\u00a0%";
}

/** CPU seconds a second, on the average of the time shown; "" when that is not known. @param {number} ns @param {{startMs?: number, endMs?: number}} meta */
export function cores(ns, { startMs, endMs }) {
    if (startMs === undefined || endMs === undefined || endMs <= startMs)
        return "";
    const n = ns / 1e6 / (endMs - startMs);
    return (n === 0 ? "0" : n < 0.001 ? "< 0.001" : n < 9.95 ? n.toPrecision(2) : whole(Math.round(n))) + "\u00a0cores";
}

/** Percentage points with a sign. @param {number} share */
export function points(share) {
    const text = (100 * Math.abs(share)).toFixed(1);
    return (text === "0.0" ? "±" : share < 0 ? "−" : "+") + text;
}

/** "12345" -> "12 345" with narrow spaces. @param {string} digits */
function group(digits) {
    const [before, after] = digits.split(".");
    const grouped = before.replace(/\B(?=(\d{3})+$)/g, "\u202f");
    return after === undefined ? grouped : grouped + "." + after;
}

/** @param {number} n */
export function whole(n) {
    return group(String(n));
}

/** @param {number} n @param {string} one @param {string} many */
export function count(n, one, many) {
    return whole(n) + " " + (n === 1 ? one : many);
}

/** Local date and time; only the time when it is today. @param {number} ms */
export function moment(ms) {
    const date = new Date(ms);
    const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => String(n).padStart(2, "0")).join(":");
    if (date.toDateString() === new Date().toDateString())
        return time;
    const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((n) => String(n).padStart(2, "0")).join("-");
    return day + " " + time;
}

/** "3 min ago". @param {number} ms */
export function ago(ms) {
    const s = Math.max(0, Math.round((Date.now() - ms) / 1000));
    if (s < 5)
        return "now";
    if (s < 90)
        return s + " s ago";
    if (s < 90 * 60)
        return Math.round(s / 60) + " min ago";
    if (s < 36 * 3600)
        return Math.round(s / 3600) + " h ago";
    return Math.round(s / 86400) + " days ago";
}

/** A span of time. @param {number} ms */
export function span(ms) {
    const s = Math.round(ms / 1000);
    if (s < 120)
        return s + " s";
    if (s < 7200)
        return Math.floor(s / 60) + " min " + (s % 60 ? (s % 60) + " s" : "");
    if (s < 172800)
        return Math.floor(s / 3600) + " h " + (Math.floor(s / 60) % 60 ? (Math.floor(s / 60) % 60) + " min" : "");
    return Math.floor(s / 86400) + " days";
}

/** "samplesDroppedRingFull" -> "samples dropped ring full". @param {string} name */
export function words(name) {
    return visibleShort(name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase());
}
