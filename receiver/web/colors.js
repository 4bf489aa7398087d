// @ts-check
// Why: what a frame's colour tells: the object that its code is in, its package, its function, whether it is the program's own
// code, or how it changed. The same object keeps its colour while the page is open, and mostly beyond: its name chooses it, and only
// when a larger object has that one already, the next free one.

import { change } from "./diff.js";
import { packageOf } from "./names.js";

const HUES = [210, 36, 152, 268, 12, 90, 332, 184, 54, 232, 122, 300];
const SHADES = 5;

/** @type {Record<string, string>} */
export const COLORINGS = { object: "Object", package: "Package", function: "Function", mine: "My code" };

/** @type {Map<string, number>} */
const slots = new Map();

/** @param {string} text */
function hash(text) {
    let value = 0x811c9dc5;
    for (let i = 0; i < text.length; i++)
        value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
    return value;
}

/** Gives colours to objects or packages, the largest first. @param {string[]} keys */
export function assignColors(keys) {
    for (const key of keys) {
        if (key === "" || slots.has(key))
            continue;
        const wanted = hash(key) % HUES.length;
        let slot = wanted;
        if (slots.size < HUES.length) {
            const taken = new Set(slots.values());
            while (taken.has(slot))
                slot = (slot + 1) % HUES.length;
        }
        slots.set(key, slot);
    }
}

export function isDark() {
    const theme = document.documentElement.dataset.theme;
    return theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
}

/** @param {boolean} dark @param {number} shade */
function grey(dark, shade) {
    return dark ? `hsl(150 6% ${27 + 1.5 * shade}%)` : `hsl(150 7% ${82 + 1.5 * shade}%)`;
}

/** @param {number} hue @param {boolean} dark @param {number} shade 0 to SHADES - 1 */
function tint(hue, dark, shade) {
    const turned = hue + 5 * (shade - 2);
    return dark ? `hsl(${turned} 36% ${23.5 + 1.9 * shade}%)` : `hsl(${turned} 56% ${71 + 2.6 * shade}%)`;
}

/** The colour of an object or package. @param {string} key @param {boolean} dark @param {number} shade */
export function objectColor(key, dark, shade = 2) {
    const slot = slots.get(key);
    return slot === undefined ? grey(dark, shade) : tint(HUES[slot], dark, shade);
}

/** What a frame's colour stands for, in a colouring by object or package. @param {import("./tree.js").Frame} frame @param {string} coloring */
export function colorKey(frame, coloring) {
    return coloring === "package" ? packageOf(frame.name) || frame.object : frame.object;
}

/** A colour for each frame; neighbours of one object differ a little. @param {import("./tree.js").Frame[]} frames @param {boolean} dark
 * @param {string} coloring a key of COLORINGS @param {(object: string) => boolean} isSystem for "mine" */
export function frameColors(frames, dark, coloring = "object", isSystem = () => false) {
    return frames.map((frame) => {
        const mark = hash(frame.name), shade = mark % SHADES;
        if (coloring === "function")
            return tint(8 + (mark >>> 8) % 48, dark, shade);
        if (coloring === "mine")
            return isSystem(frame.object) ? grey(dark, shade) : tint(28, dark, shade);
        return objectColor(colorKey(frame, coloring), dark, shade);
    });
}

/** Less is blue, more is orange, which those who see no red or no green tell apart as well. Strength: 0 noise, 1 to 4.
 * @param {number} strength -4 to 4 @param {boolean} dark */
export function changeColor(strength, dark) {
    const size = Math.abs(strength);
    if (size === 0)
        return grey(dark, 2);
    const hue = strength < 0 ? 212 : 28;
    return dark ? `hsl(${hue} ${30 + 9 * size}% ${26 + 3 * size}%)` : `hsl(${hue} ${66 + 7 * size}% ${92 - 7 * size}%)`;
}

/** How strongly a change is drawn: by its part of both shares. @param {{shareA: number, shareB: number, delta: number, isNoise: boolean}} of */
export function changeStrength({ shareA, shareB, delta, isNoise }) {
    if (isNoise || delta === 0)
        return 0;
    return Math.sign(delta) * Math.min(4, 1 + Math.floor(4 * Math.abs(delta) / (shareA + shareB)));
}

/** A colour for each node of two trees laid over each other. @param {{count: number, sides: import("./diff.js").Sides}} tree @param {boolean} dark */
export function changeColors({ count, sides }, dark) {
    const palette = [-4, -3, -2, -1, 0, 1, 2, 3, 4].map((strength) => changeColor(strength, dark));
    const at = new Uint8Array(count);
    for (let i = 0; i < count; i++)
        at[i] = 4 + changeStrength(change(sides.totalA[i], sides.totalB[i], sides));
    return (/** @type {number} */ node) => palette[at[node]];
}
