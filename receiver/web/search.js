// @ts-check
// Why: which frames a text matches, and how much of the time has one of them on its stack.

/** @typedef {import("./tree.js").Tree} Tree */

/** What search looks at of a frame. @param {import("./tree.js").Frame} frame */
export function searchText(frame) {
    return (frame.name + "\n" + frame.object + "\n" + frame.file).toLowerCase();
}

/** A test of a frame, or null when nothing is sought. All words must be in its text; "=name" is the whole name; "/.../" a regular
 * expression (one that cannot be read is taken as it stands). @param {string} query
 * @returns {((text: string, frame: import("./tree.js").Frame) => boolean) | null} */
function makeTest(query) {
    const text = query.trim().toLowerCase();
    if (text === "")
        return null;
    if (query.startsWith("=") && query.length > 1) {
        const name = query.slice(1);
        return (_, frame) => frame.name === name;
    }
    if (text.length > 2 && text.startsWith("/") && text.endsWith("/")) {
        try {
            const pattern = new RegExp(query.trim().slice(1, -1), "im");
            return (of) => pattern.test(of);
        } catch {
            // Then it is words.
        }
    }
    const words = text.split(/\s+/);
    return (of) => words.every((word) => of.includes(word));
}

/** One byte a frame, or null when nothing is sought. Number 0 is the root's and never matches.
 * @param {{frames: import("./tree.js").Frame[], text: string[]}} of @param {string} query */
export function matchFrames({ frames, text }, query) {
    const test = makeTest(query);
    if (test === null)
        return null;
    const matches = new Uint8Array(text.length);
    for (let i = 1; i < matches.length; i++)
        matches[i] = test(text[i], frames[i]) ? 1 : 0;
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
