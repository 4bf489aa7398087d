// @ts-check
// Why: paints how much there was over time, and what of it is chosen. Pure drawing: numbers in, pixels out.

/**
 * @typedef {{startMs: number, barMs: number, values: number[], max: number}} Bars values: CPU seconds a second
 * @typedef {{width: number, height: number, bars: Bars, chosen: [number, number] | null, base: [number, number] | null, drag: [number, number] | null,
 *   style: {bar: string, off: string, ink: string, line: string, base: string, drag: string, font: string}}} Chart
 */

export const AXIS = 16; // height of the times' row

/** Where a moment is. @param {Chart} chart @param {number} ms */
export function atOf({ width, bars }, ms) {
    return ((ms - bars.startMs) / (bars.barMs * bars.values.length)) * width;
}

/** The moment at a place. @param {Chart} chart @param {number} x */
export function momentAt({ width, bars }, x) {
    return Math.round(bars.startMs + (Math.min(Math.max(x, 0), width) / width) * bars.barMs * bars.values.length);
}

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000];

/** The times to write below: round ones, as many as there is room for. @param {Chart} chart */
export function ticksOf(chart) {
    const { width, bars } = chart, length = bars.barMs * bars.values.length, wanted = Math.max(1, width / 110);
    const step = 1000 * (STEPS_S.find((s) => length / (1000 * s) <= wanted) ?? 31536000);
    const zone = new Date(bars.startMs).getTimezoneOffset() * 60e3, ticks = [];
    for (let ms = Math.ceil((bars.startMs - zone) / step) * step + zone; ms < bars.startMs + length; ms += step)
        ticks.push(ms);
    const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
    return ticks.map((ms) => {
        const date = new Date(ms), day = `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
        return { ms, text: step >= 86400e3 ? day : `${length > 86400e3 ? day + " " : ""}${two(date.getHours())}:${two(date.getMinutes())}${step < 60e3 ? ":" + two(date.getSeconds()) : ""}` };
    });
}

/** @param {CanvasRenderingContext2D} context @param {Chart} chart */
export function paintTimeline(context, chart) {
    const { width, height, bars, chosen, base, drag, style } = chart, floor = height - AXIS, count = bars.values.length;
    context.clearRect(0, 0, width, height);
    const span = (/** @type {[number, number]} */ [from, to], /** @type {string} */ color, /** @type {number} */ alpha) => {
        const left = atOf(chart, from), right = Math.max(atOf(chart, to), left + 2);
        context.globalAlpha = alpha;
        context.fillStyle = color;
        context.fillRect(left, 0, right - left, floor);
        context.globalAlpha = 1;
    };
    if (base !== null)
        span(base, style.base, 0.28);
    const step = width / count;
    for (let i = 0; i < count; i++) {
        const middle = bars.startMs + (i + 0.5) * bars.barMs, isOn = chosen === null || middle >= chosen[0] - bars.barMs / 2 && middle <= chosen[1] + bars.barMs / 2;
        const tall = bars.max > 0 ? (bars.values[i] / bars.max) * (floor - 3) : 0;
        if (bars.values[i] > 0) {
            context.fillStyle = isOn ? style.bar : style.off;
            context.fillRect(i * step, floor - Math.max(tall, 1), Math.max(step - (step > 4 ? 1 : 0), 1), Math.max(tall, 1));
        }
    }
    context.fillStyle = style.line;
    context.fillRect(0, floor, width, 1);
    context.fillStyle = style.ink;
    context.font = style.font;
    context.textBaseline = "alphabetic";
    for (const { ms, text } of ticksOf(chart)) {
        const x = atOf(chart, ms);
        context.fillRect(x, floor, 1, 4);
        if (x + context.measureText(text).width + 4 < width)
            context.fillText(text, x + 4, height - 3);
    }
    if (drag !== null)
        span([Math.min(...drag), Math.max(...drag)], style.drag, 0.3);
}
