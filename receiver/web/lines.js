// @ts-check
// Why: how much of a function was sampled on each of its lines. The receiver tells it of all threads and stacks, beside the tree.

import { frameMark } from "./tree.js";

/** @typedef {import("./tree.js").Tree} Tree */
/** The time that shares of lines are of: their weights know no filter and no lens. @param {Tree} tree */
export const wholeOf = (tree) => tree.meta.wholeNs ?? tree.meta.totalNs;

/** What lines of some functions weigh together, by line. @param {Tree} tree @param {number[]} which frames of the tree
 * @returns {Map<number, {self: number, total: number}>} */
export function linesOf(tree, which) {
    const lines = tree.meta.lines, found = new Map();
    if (lines === undefined)
        return found;
    const wanted = new Set(which.map((i) => frameMark(tree.frames[i])));
    for (let i = 0; i < lines.frame.length; i++) {
        const { name, object, file = "" } = tree.meta.frames[lines.frame[i]];
        if (!(lines.totalNs[i] > 0) || !wanted.has(frameMark({ name, object, file, line: 0, lineEnd: 0 })))
            continue;
        const { self, total } = found.get(lines.line[i]) ?? { self: 0, total: 0 };
        found.set(lines.line[i], { self: self + lines.selfNs[i], total: total + lines.totalNs[i] });
    }
    return found;
}
