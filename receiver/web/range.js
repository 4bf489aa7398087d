// @ts-check
// Why: the choice of time: the last minutes, all, or from a moment to another.

import { h } from "./dom.js";

/** @type {Record<string, {label: string, title: string, ms: number}>} */
export const RANGES = {
    "1m": { label: "1 min", title: "the last minute", ms: 60e3 },
    "5m": { label: "5 min", title: "the last 5 minutes", ms: 300e3 },
    "15m": { label: "15 min", title: "the last 15 minutes", ms: 900e3 },
    "1h": { label: "1 h", title: "the last hour", ms: 3600e3 },
    "all": { label: "All", title: "all there is", ms: Infinity },
    "custom": { label: "Custom", title: "from … to …", ms: 0 },
};

/** What to ask the receiver for. @param {import("./state.js").Selection} state */
export function rangeMs(state) {
    if (state.range === "custom")
        return { startMs: state.startMs, endMs: state.endMs };
    const { ms } = RANGES[state.range] ?? RANGES.all;
    return { startMs: ms === Infinity ? null : Math.max(0, Date.now() - ms), endMs: null };
}

/** @param {import("./state.js").Selection} state */
export function rangeTitle(state) {
    return state.range === "custom" ? "the chosen time" : (RANGES[state.range] ?? RANGES.all).title;
}

/** For an <input type=datetime-local>. @param {number | null} ms */
function localText(ms) {
    if (ms === null)
        return "";
    const date = new Date(ms - new Date(ms).getTimezoneOffset() * 60e3);
    return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 19);
}

/** @param {(change: {range: string, startMs?: number | null, endMs?: number | null}) => void} onChange @param {string} id of its fields */
export function makeRangePicker(onChange, id = "range") {
    /** @type {Record<string, HTMLButtonElement>} */
    const buttons = {};
    for (const [key, range] of Object.entries(RANGES))
        buttons[key] = h("button", { type: "button", title: "Show " + range.title, onclick: () => onChange({ range: key }) }, range.label);
    const read = () => {
        const ms = (/** @type {HTMLInputElement} */ input) => (input.value ? new Date(input.value).getTime() : null);
        let [startMs, endMs] = [ms(from), ms(to)];
        if (startMs !== null && endMs !== null && startMs > endMs)
            [startMs, endMs] = [endMs, startMs];
        onChange({ range: "custom", startMs, endMs });
    };
    const from = h("input", { type: "datetime-local", step: 1, id: id + "-from", onchange: read });
    const to = h("input", { type: "datetime-local", step: 1, id: id + "-to", onchange: read });
    const custom = h("span.custom", {}, h("label", { for: id + "-from" }, "from"), from, h("label", { for: id + "-to" }, "to"), to);
    const element = h("div.range", {}, h("div.segments", { role: "group", "aria-label": "Time range" }, ...Object.values(buttons)), custom);
    return {
        element,
        /** @param {import("./state.js").Selection} state */
        show(state) {
            for (const [key, button] of Object.entries(buttons))
                button.setAttribute("aria-pressed", String(key === state.range));
            custom.hidden = state.range !== "custom";
            from.value = localText(state.startMs);
            to.value = localText(state.endMs);
        },
    };
}
