// @ts-check
// Why: lays two call trees over each other. Each is measured as shares of its own total, so that a longer run is not a slower one;
// and a difference that chance alone can make is called noise, not drawn.
//
// Noise: of n samples a share p is met with a standard deviation of sqrt(p (1 - p) / n); the difference of two shares has the root
// of the sum of both squares, with the p of both together. Below SIGMAS of these it is noise. Samples are not quite independent (a thread
// stays where it is for a while), so this is a lower bound of the noise.

import { treeOf, weigh } from "./tree.js";

export const SIGMAS = 3;

/**
 * @typedef {import("./tree.js").Tree} Tree
 * @typedef {{totalA: Float64Array, totalB: Float64Array, frameSelfA: Float64Array, frameSelfB: Float64Array,
 *   frameTotalA: Float64Array, frameTotalB: Float64Array, allA: number, allB: number, samplesA: number, samplesB: number}} Sides
 * of a tree of two: ns of each node and frame in A (the baseline) and in B
 */

/** How far a share rose from A to B, and how many standard deviations that is. @param {number} a @param {number} b ns
 * @param {{allA: number, allB: number, samplesA: number, samplesB: number}} sides */
export function change(a, b, { allA, allB, samplesA, samplesB }) {
    const p = allA > 0 ? a / allA : 0, q = allB > 0 ? b / allB : 0;
    const n = Math.max(samplesA, 1), m = Math.max(samplesB, 1);
    const both = Math.min(1, Math.max((p * n + q * m) / (n + m), 0));
    const sigma = Math.sqrt(Math.max(both * (1 - both), 0) * (1 / n + 1 / m));
    const delta = q - p;
    return { shareA: p, shareB: q, delta, sigmas: sigma > 0 ? delta / sigma : 0, isNoise: !(Math.abs(delta) > SIGMAS * sigma) };
}

/** @param {Tree} a the baseline @param {Tree} b @param {{allA: number, allB: number}} all what shares are of
 * @returns {Tree & {sides: Sides}} widths are the mean of both, in ns of B's total */
export function diffTrees(a, b, { allA, allB } = { allA: a.total[0], allB: b.total[0] }) {
    const unit = allB > 0 ? allB : allA;
    /** @type {import("./tree.js").Frame[]} */
    const frames = [b.frames[0]];
    /** @type {Map<string, number>} */
    const known = new Map();
    const number = (/** @type {Tree} */ tree) => tree.frames.map((frame, i) => {
        if (i === 0)
            return 0;
        const key = frame.name + "\0" + frame.object + "\0" + frame.file;
        let at = known.get(key);
        if (at === undefined) {
            known.set(key, (at = frames.length));
            frames.push(frame);
        }
        return at;
    });
    const numberB = number(b), numberA = number(a);
    /** @type {number[]} */
    const parent = [0], frame = [0], selfA = [0], selfB = [0];
    /** @type {Map<number, number>} */
    const index = new Map();
    const lay = (/** @type {Tree} */ tree, /** @type {number[]} */ numbers, /** @type {number[]} */ self) => {
        const at = new Uint32Array(tree.count);
        self[0] += tree.self[0];
        for (let i = 1; i < tree.count; i++) {
            const under = at[tree.parent[i]], which = numbers[tree.frame[i]], key = under * frames.length + which;
            let node = index.get(key);
            if (node === undefined) {
                index.set(key, (node = parent.length));
                parent.push(under);
                frame.push(which);
                selfA.push(0);
                selfB.push(0);
            }
            at[i] = node;
            self[node] += tree.self[i];
        }
    };
    lay(b, numberB, selfB);
    lay(a, numberA, selfA);
    const share = (/** @type {number} */ ns, /** @type {number} */ all) => (all > 0 ? ns / all : 0);
    const weight = (allA > 0 ? 1 : 0) + (allB > 0 ? 1 : 0) || 1;
    const tree = treeOf({ frames, parent, frame, self: selfB.map((ns, i) => (share(ns, allB) + share(selfA[i], allA)) / weight * unit) }, b.meta);
    const onlyA = weigh(tree, Float64Array.from(selfA)), onlyB = weigh(tree, Float64Array.from(selfB));
    return { ...tree, sides: { totalA: onlyA.total, totalB: onlyB.total, frameSelfA: onlyA.frameSelf, frameSelfB: onlyB.frameSelf,
        frameTotalA: onlyA.frameTotal, frameTotalB: onlyB.frameTotal, allA, allB, samplesA: samplesOf(a, allA), samplesB: samplesOf(b, allB) } };
}

/** The samples that the time of a tree rests on: of those of all threads and stacks, its part. @param {Tree} tree @param {number} ns */
function samplesOf({ meta }, ns) {
    const whole = meta.wholeNs ?? meta.totalNs;
    return whole > 0 ? (meta.samples ?? 0) * Math.min(1, ns / whole) : 0;
}
