// @ts-check
// Why: how much there was over time, to choose a time from: dragging zooms, dragging with Shift chooses what to compare with.

import { fetchJson, groupPath, queryOf } from "./api.js";
import { byId, h } from "./dom.js";
import { moment, seconds, visibleShort } from "./format.js";
import { rangeMs } from "./range.js";
import { atOf, momentAt, paintTimeline } from "./timeline_paint.js";
import { hideTooltip, placeTooltip } from "./tooltip.js";

const HEIGHT = 64, BAR_WIDTH = 8, DRAG_MIN = 4, AROUND = 0.75;

/** @typedef {import("./state.js").Selection} Selection */
/** What the chart covers: the range, or somewhat more than a part of it that was chosen. @param {Selection} selection @param {{firstStartMs: number, lastEndMs: number}} group */
export function extentOf(selection, group) {
    const { startMs, endMs } = rangeMs(selection), first = group.firstStartMs, last = Math.max(group.lastEndMs, first + 1000);
    if (selection.range !== "custom")
        return { startMs: Math.max(startMs ?? first, first), endMs: startMs === null ? last : Math.max(Date.now(), last) };
    const from = startMs ?? first, to = endMs ?? last, more = AROUND * Math.max(to - from, 1000);
    return { startMs: Math.round(Math.max(Math.min(first, from), from - more)), endMs: Math.round(Math.min(Math.max(last, to), to + more)) };
}

/** @param {{onRange: (startMs: number, endMs: number) => void, onBase: (startMs: number, endMs: number) => void}} callbacks */
export function makeTimeline({ onRange, onBase }) {
    const canvas = /** @type {HTMLCanvasElement} */ (h("canvas", { role: "img", title: "" }));
    const top = h("span.top-label");
    const element = h("div.timeline", { "aria-label": "Time over time; the fields of “Custom” choose a time by keys" }, canvas, top);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    /** @type {import("./timeline_paint.js").Chart | null} */
    let chart = null;
    /** @type {number[] | null} */
    let samples = null;
    let wanted = 0;
    element.hidden = true;

    function draw() {
        wanted = 0;
        if (chart === null)
            return;
        const css = getComputedStyle(element), value = (/** @type {string} */ name) => css.getPropertyValue(name).trim(), ratio = devicePixelRatio || 1;
        chart.width = element.clientWidth;
        chart.height = HEIGHT;
        chart.style = { bar: value("--chart"), off: value("--chart-off"), ink: value("--quiet"), line: value("--line-strong"), base: value("--chart-base"), drag: value("--focus"), font: "11px " + value("--font") };
        canvas.width = Math.round(chart.width * ratio);
        canvas.height = Math.round(HEIGHT * ratio);
        canvas.style.width = chart.width + "px";
        canvas.style.height = HEIGHT + "px";
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        paintTimeline(context, chart);
        canvas.dataset.draws = String(Number(canvas.dataset.draws ?? 0) + 1);
    }

    function drawSoon() {
        if (wanted === 0)
            wanted = requestAnimationFrame(draw);
    }
    new ResizeObserver(drawSoon).observe(element);

    const placeOf = (/** @type {PointerEvent} */ event) => event.clientX - canvas.getBoundingClientRect().left;
    canvas.addEventListener("pointerdown", (event) => {
        if (chart === null || event.button !== 0)
            return;
        canvas.setPointerCapture(event.pointerId);
        const ms = momentAt(chart, placeOf(event));
        chart.drag = [ms, ms];
        event.preventDefault();
    });
    canvas.addEventListener("pointermove", (event) => {
        if (chart === null)
            return;
        const ms = momentAt(chart, placeOf(event));
        if (chart.drag !== null) {
            chart.drag = [chart.drag[0], ms];
            drawSoon();
        }
        const { bars } = chart, i = Math.min(bars.values.length - 1, Math.floor((ms - bars.startMs) / bars.barMs));
        byId("tooltip").replaceChildren(h("div", {}, moment(bars.startMs + i * bars.barMs)),
            h("div.from", {}, `${bars.values[i].toPrecision(2)} cores · ${seconds(bars.values[i] * bars.barMs * 1e6)}${samples === null ? "" : ` · ${samples[i]} samples`}`));
        placeTooltip(event.clientX, event.clientY);
    });
    canvas.addEventListener("pointerup", (event) => {
        if (chart === null || chart.drag === null)
            return;
        const [a, b] = chart.drag, isDrag = Math.abs(atOf(chart, a) - atOf(chart, b)) >= DRAG_MIN;
        chart.drag = null;
        drawSoon();
        if (isDrag)
            (event.shiftKey ? onBase : onRange)(Math.min(a, b), Math.max(a, b));
    });
    canvas.addEventListener("pointercancel", () => {
        if (chart !== null)
            chart.drag = null;
        drawSoon();
    });
    canvas.addEventListener("pointerleave", hideTooltip);

    return {
        element,
        recolor: drawSoon,
        /** @param {import("./state.js").State} state @param {{firstStartMs: number, lastEndMs: number} | null} group @param {boolean} isWall @param {AbortSignal} signal */
        async load(state, group, isWall, signal) {
            if (group === null || state.group === null) {
                element.hidden = true;
                return;
            }
            const extent = extentOf(state, group), query = queryOf(state);
            query.set("start", String(extent.startMs));
            query.set("end", String(Math.max(extent.endMs, extent.startMs + 1)));
            query.set("bars", String(Math.max(20, Math.min(400, Math.floor((element.clientWidth || 1200) / BAR_WIDTH)))));
            const answer = await fetchJson(groupPath(state, "timeline") + "?" + query, signal);
            const values = (isWall ? answer.wallNs : answer.cpuNs).map((/** @type {number} */ ns) => ns / 1e6 / answer.barMs);
            const max = Math.max(...values), { startMs, endMs } = rangeMs(state);
            const isPart = state.range === "custom";
            const baseMs = state.base !== null && state.base.group === state.group && state.base.range === "custom" ? rangeMs(state.base) : null;
            samples = answer.samples ?? null; // of some threads it is not known how many there were
            chart = {
                width: 0, height: HEIGHT, bars: { startMs: answer.startMs, barMs: answer.barMs, values, max }, drag: chart?.drag ?? null,
                chosen: isPart ? [startMs ?? answer.startMs, endMs ?? Infinity] : null,
                base: baseMs !== null ? [baseMs.startMs ?? 0, baseMs.endMs ?? extent.endMs] : null, style: /** @type {any} */ ({}),
            };
            element.hidden = false;
            const of = [...state.filters.map(([kind, value]) => `${kind} ${visibleShort(value)}`), ...(samples === null && state.threads !== "" ? [state.threads] : [])].join(", ");
            top.textContent = (max > 0 ? `${max >= 9.95 ? Math.round(max) : max.toPrecision(2)} ${isWall ? "threads" : "cores"}` : "") + (of && " · only " + of);
            canvas.setAttribute("aria-label", `${isWall ? "Wall time" : "CPU time"} from ${moment(answer.startMs)} on, at most ${top.textContent}`);
            element.dataset.sum = String((isWall ? answer.wallNs : answer.cpuNs).reduce((/** @type {number} */ sum, /** @type {number} */ ns) => sum + ns, 0));
            draw();
        },
    };
}
