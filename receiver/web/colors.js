// @ts-check
// Why: a frame's colour tells which object its code is in. The same object keeps its colour while the page is open, and
// mostly beyond: its name chooses it, and only when a larger object has that one already, the next free one.

const HUES = [38, 150, 208, 14, 268, 88, 338, 182, 52, 228, 118, 300];
const SHADES = 4;

/** @type {Map<string, number>} */
const slots = new Map();

/** @param {string} text */
function hash(text) {
    let value = 0x811c9dc5;
    for (let i = 0; i < text.length; i++)
        value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
    return value;
}

/** Gives colours to objects, the largest first. @param {string[]} objects */
export function assignColors(objects) {
    for (const object of objects) {
        if (object === "" || slots.has(object))
            continue;
        const wanted = hash(object) % HUES.length;
        let slot = wanted;
        if (slots.size < HUES.length) {
            const taken = new Set(slots.values());
            while (taken.has(slot))
                slot = (slot + 1) % HUES.length;
        }
        slots.set(object, slot);
    }
}

export function isDark() {
    const theme = document.documentElement.dataset.theme;
    return theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
}

/** @param {string} object @param {boolean} dark @param {number} shade 0..3 */
export function objectColor(object, dark, shade = 1) {
    const slot = slots.get(object);
    if (slot === undefined)
        return dark ? `hsl(150 6% ${30 + 2 * shade}%)` : `hsl(150 8% ${78 + 2 * shade}%)`;
    const hue = HUES[slot];
    return dark ? `hsl(${hue} 30% ${29 + 2 * shade}%)` : `hsl(${hue} 48% ${74 + 2 * shade}%)`;
}

/** A colour for each frame; neighbours of one object differ a little. @param {import("./tree.js").Frame[]} frames @param {boolean} dark */
export function frameColors(frames, dark) {
    return frames.map((frame) => objectColor(frame.object, dark, hash(frame.name) % SHADES));
}
