// @ts-check
// Why: which frames a text matches, and how much of the time has one of them on its stack.

/** @typedef {import("./tree.js").Tree} Tree */

/** One byte a frame, or null when nothing is sought. All words must be in the function, the object or the file.
 * @param {Tree} tree @param {string} query */
export function matchFrames(tree, query) {
    const wanted = query.toLowerCase().split(/\s+/).filter((word) => word !== "");
    if (wanted.length === 0)
        return null;
    const matches = new Uint8Array(tree.frames.length);
    for (let i = 1; i < matches.length; i++)
        matches[i] = wanted.every((word) => tree.text[i].includes(word)) ? 1 : 0;
    return matches;
}

/** The time of samples with a matching frame, each counted once. @param {Tree} tree @param {Uint8Array} matches */
export function matchedTotal(tree, matches) {
    const under = new Uint8Array(tree.count);
    let sum = 0;
    for (let i = 1; i < tree.count; i++) {
        if (under[tree.parent[i]]) {
            under[i] = 1;
        } else if (matches[tree.frame[i]]) {
            under[i] = 1;
            sum += tree.total[i];
        }
    }
    return sum;
}
