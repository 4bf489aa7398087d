// @ts-check
// Why: looks at a call tree through a lens: only stacks with a function, from a function on, without some frames, with recursion
// or a library folded into one frame. Pure: columns in, columns out; a parent's number stays below its children's.

/**
 * @typedef {import("./tree.js").Frame} Frame
 * @typedef {{frames: Frame[], parent: ArrayLike<number>, frame: ArrayLike<number>, self: ArrayLike<number>}} Columns
 * @typedef {{focus: string, drop: string, from: string, hide: string, collapse: string[], recursion: boolean, level: string}} Lens
 * focus: only stacks with a frame that this text matches; drop: only those without; from: frames outside of the first match are
 * left out, and stacks without one; hide: these frames are left out, their callers take their time; collapse: objects of which
 * one frame is left where the stack enters them; recursion: a function that is on the stack already is that one; level:
 * "function", "object" or "package".
 */

import { packageOf } from "./names.js";
import { matchFrames, searchText } from "./search.js";

/** In a tree that is asked for with state=raw: who was sampled, and in which state, below the function. No lens is about these.
 * @param {Frame} frame */
const isLeaf = (frame) => frame.object === "<slice>" || frame.object === "<state>";

/** @returns {Lens} */
export function clearLens() {
    return { focus: "", drop: "", from: "", hide: "", collapse: [], recursion: false, level: "function" };
}

/** @param {Lens} lens */
export function isClear(lens) {
    return lens.focus === "" && lens.drop === "" && lens.from === "" && lens.hide === "" && lens.collapse.length === 0 && !lens.recursion && lens.level === "function";
}

/** Nodes by parent and frame. @param {Frame[]} frames */
function makeGrower(frames) {
    /** @type {number[]} */
    const parent = [0];
    /** @type {number[]} */
    const frame = [0];
    /** @type {number[]} */
    const self = [0];
    /** @type {Map<number, number>} */
    const index = new Map();
    return {
        parent, frame, self,
        /** @param {number} under @param {number} which */
        child(under, which) {
            const key = under * frames.length + which;
            let node = index.get(key);
            if (node === undefined) {
                index.set(key, (node = parent.length));
                parent.push(under);
                frame.push(which);
                self.push(0);
            }
            return node;
        },
        /** Without what no time is left of. @returns {Columns} */
        columns() {
            const count = parent.length, total = Float64Array.from(self), number = new Uint32Array(count);
            for (let i = count - 1; i > 0; i--)
                total[parent[i]] += total[i];
            const kept = { frames, parent: [0], frame: [0], self: [self[0]] };
            for (let i = 1; i < count; i++) {
                if (!(total[i] > 0))
                    continue;
                number[i] = kept.parent.length;
                kept.parent.push(number[parent[i]]);
                kept.frame.push(frame[i]);
                kept.self.push(self[i]);
            }
            return kept;
        },
    };
}

/** What a frame is at a level: frames, and for each old number the new one. @param {Frame[]} frames @param {string} level */
function leveled(frames, level) {
    const number = new Uint32Array(frames.length);
    if (level === "function") {
        for (let i = 0; i < number.length; i++)
            number[i] = i;
        return { frames, number };
    }
    /** @type {Frame[]} */
    const out = [frames[0]];
    /** @type {Map<string, number>} */
    const seen = new Map();
    for (let i = 1; i < frames.length; i++) {
        const { name, object } = frames[i], pack = level === "package" ? packageOf(name) : "";
        const key = isLeaf(frames[i]) ? "\0" + i : pack + "\0" + object;
        let at = seen.get(key);
        if (at === undefined) {
            seen.set(key, (at = out.length));
            out.push(isLeaf(frames[i]) ? frames[i] : { name: pack || object || "unknown", object, file: "", line: 0, lineEnd: 0 });
        }
        number[i] = at;
    }
    return { frames: out, number };
}

/** @param {Columns} from @param {Lens} lens @returns {Columns} */
export function transform(from, lens) {
    if (isClear(lens))
        return from;
    const isSought = lens.focus + lens.drop + lens.from + lens.hide !== "";
    const of = { frames: from.frames, text: isSought ? from.frames.map(searchText) : [] };
    const [focus, drop, start, hide] = [lens.focus, lens.drop, lens.from, lens.hide].map((query) => matchFrames(of, query));
    const leaf = from.frames.map((frame) => isLeaf(frame));
    const inside = new Set(lens.collapse), isFolded = from.frames.map((f) => inside.has(f.object) ? 1 : 0);
    const { frames, number } = leveled(from.frames, lens.level);
    const grower = makeGrower(frames), count = from.parent.length;
    const at = new Int32Array(count).fill(-1), isIn = new Uint8Array(count), isOut = new Uint8Array(count), innermost = new Uint32Array(count);
    at[0] = start === null ? 0 : -1;
    if (focus === null && at[0] === 0)
        grower.self[0] += from.self[0];
    for (let i = 1; i < count; i++) {
        const up = from.parent[i], f = from.frame[i];
        isIn[i] = isIn[up] || focus === null || focus[f] && !leaf[f] ? 1 : 0;
        isOut[i] = isOut[up] || drop !== null && drop[f] && !leaf[f] ? 1 : 0;
        const begins = start === null || at[up] >= 0 || start[f] && !leaf[f];
        if (!begins)
            continue;
        const under = Math.max(at[up], 0);
        innermost[i] = innermost[up];
        if (leaf[f]) {
            at[i] = grower.child(under, number[f]);
        } else if (hide !== null && hide[f]) {
            at[i] = under;
        } else if (isFolded[f] && under !== 0 && isFolded[innermost[up]] && from.frames[innermost[up]].object === from.frames[f].object) {
            at[i] = under;
        } else {
            innermost[i] = f;
            at[i] = enter(grower, under, number[f], lens);
        }
        if (isIn[i] && !isOut[i])
            grower.self[at[i]] += from.self[i];
    }
    return grower.columns();
}

/** @param {ReturnType<typeof makeGrower>} grower @param {number} under @param {number} which @param {Lens} lens */
function enter(grower, under, which, lens) {
    if (lens.level !== "function" && under !== 0 && grower.frame[under] === which)
        return under;
    if (lens.recursion)
        for (let up = under; up !== 0; up = grower.parent[up])
            if (grower.frame[up] === which)
                return up;
    return grower.child(under, which);
}

/** The tree of a function's callers, innermost first: its root is the function. @param {import("./tree.js").Tree} tree @param {number} which */
export function callersOf(tree, which) {
    const grower = makeGrower(tree.frames);
    grower.frame[0] = which;
    for (const node of outermost(tree, which)) {
        let at = 0;
        for (let up = tree.parent[node]; up !== 0; up = tree.parent[up])
            at = grower.child(at, tree.frame[up]);
        grower.self[at] += tree.total[node];
    }
    const columns = grower.columns();
    columns.frame = [which, ...Array.from(columns.frame).slice(1)];
    return columns;
}

/** The tree of what a function calls; its root is the function. @param {import("./tree.js").Tree} tree @param {number} which */
export function calleesOf(tree, which) {
    const grower = makeGrower(tree.frames), at = new Int32Array(tree.count).fill(-1);
    for (const node of outermost(tree, which))
        at[node] = 0;
    for (let i = 1; i < tree.count; i++) {
        if (at[i] !== 0 && at[tree.parent[i]] >= 0)
            at[i] = grower.child(at[tree.parent[i]], tree.frame[i]);
        if (at[i] >= 0)
            grower.self[at[i]] += tree.self[i];
    }
    const columns = grower.columns();
    columns.frame = [which, ...Array.from(columns.frame).slice(1)];
    return columns;
}

/** The nodes of a function that are not below another of it: their time is its total. @param {import("./tree.js").Tree} tree @param {number} which */
export function outermost(tree, which) {
    const under = new Uint8Array(tree.count), found = [];
    for (let i = 1; i < tree.count; i++) {
        under[i] = under[tree.parent[i]];
        if (tree.frame[i] === which) {
            if (under[i] === 0)
                found.push(i);
            under[i] = 1;
        }
    }
    return found;
}
