// @ts-check
// Why: the call tree as flat arrays, with all that drawing and the table need worked out once. No recursion: stacks may be a
// thousand frames deep. A parent's number is below its children's, so most passes are a plain loop.
//
// Children are ordered by weight, the heaviest first. So the hottest path runs along the edge, and whoever draws may stop at
// the first child that is too thin to see: all that follow are thinner.

/**
 * @typedef {{name: string, object: string, file: string, line: number, lineEnd: number}} Frame
 * @typedef {{
 *   count: number, frames: Frame[], parent: Uint32Array, frame: Uint32Array, self: Float64Array, total: Float64Array,
 *   depth: Uint32Array, height: Uint32Array, x: Float64Array, childFrom: Uint32Array, children: Uint32Array,
 *   frameSelf: Float64Array, frameTotal: Float64Array, text: string[], meta: any,
 * }} Tree height: levels of nodes under a node; childFrom[i]..childFrom[i + 1]: its children in `children`; x: where a node
 * begins, in ns from the root's left edge; text: what search looks at, for each frame; meta: what else the API told.
 */

import { searchText } from "./search.js";

/** @param {any} body the answer of the API @returns {import("./transform.js").Columns} */
export function columnsOf(body) {
    return {
        frames: body.frames.map((/** @type {any} */ f) => ({ name: f.name, object: f.object, file: f.file ?? "", line: f.line ?? 0, lineEnd: f.lineEnd ?? f.line ?? 0 })),
        parent: body.nodes.parent, frame: body.nodes.frame, self: body.nodes.selfNs,
    };
}

/** Frames as the API has them. @param {Frame[]} frames */
export function framesFor(frames) {
    return frames.map(({ name, object, file, line, lineEnd }) => ({ name, object, ...(file && { file }), ...(line && { line }), ...(lineEnd > line && { lineEnd }) }));
}

/** @param {import("./transform.js").Columns} columns @param {any} meta @returns {Tree} */
export function treeOf(columns, meta) {
    const count = columns.parent.length, frames = columns.frames;
    const parent = Uint32Array.from(columns.parent), frame = Uint32Array.from(columns.frame);
    const self = Float64Array.from(columns.self), total = Float64Array.from(self);
    const depth = new Uint32Array(count), height = new Uint32Array(count);
    for (let i = 1; i < count; i++)
        depth[i] = depth[parent[i]] + 1;
    for (let i = count - 1; i > 0; i--) {
        total[parent[i]] += total[i];
        height[parent[i]] = Math.max(height[parent[i]], height[i] + 1);
    }
    const { childFrom, children } = orderChildren(count, parent, total);
    const tree = {
        count, frames, parent, frame, self, total, depth, height, childFrom, children,
        x: place(count, total, childFrom, children),
        frameSelf: new Float64Array(frames.length), frameTotal: new Float64Array(frames.length),
        text: frames.map(searchText),
        meta,
    };
    addFrames(tree);
    return tree;
}

/** @param {number} count @param {Uint32Array} parent @param {Float64Array} total */
function orderChildren(count, parent, total) {
    const childFrom = new Uint32Array(count + 1), children = new Uint32Array(Math.max(count - 1, 0));
    for (let i = 1; i < count; i++)
        childFrom[parent[i] + 1]++;
    for (let i = 0; i < count; i++)
        childFrom[i + 1] += childFrom[i];
    const next = childFrom.slice(0, count);
    for (let i = 1; i < count; i++)
        children[next[parent[i]]++] = i;
    for (let i = 0; i < count; i++)
        if (childFrom[i + 1] - childFrom[i] > 1)
            children.subarray(childFrom[i], childFrom[i + 1]).sort((a, b) => total[b] - total[a] || a - b);
    return { childFrom, children };
}

/** @param {number} count @param {Float64Array} total @param {Uint32Array} childFrom @param {Uint32Array} children */
function place(count, total, childFrom, children) {
    const x = new Float64Array(count);
    for (let i = 0; i < count; i++) {
        let at = x[i];
        for (let k = childFrom[i]; k < childFrom[i + 1]; k++) {
            x[children[k]] = at;
            at += total[children[k]];
        }
    }
    return x;
}

/** Self and total of each frame; a recursive function's time counts once. @param {Tree} tree */
function addFrames(tree) {
    const { count, frame, self, total, childFrom, children, frameSelf, frameTotal } = tree;
    const onPath = new Uint32Array(frameSelf.length), next = childFrom.slice(0, count);
    const path = new Uint32Array(tree.height[0] + 1);
    let length = 0;
    const enter = (/** @type {number} */ node) => {
        frameSelf[frame[node]] += self[node];
        if (onPath[frame[node]]++ === 0)
            frameTotal[frame[node]] += total[node];
        path[length++] = node;
    };
    if (count > 0)
        enter(0);
    while (length > 0) {
        const node = path[length - 1];
        if (next[node] < childFrom[node + 1]) {
            enter(children[next[node]++]);
        } else {
            onPath[frame[node]]--;
            length--;
        }
    }
}

/** Totals, and self and total of each frame, of other weights on the same nodes. @param {Tree} tree @param {Float64Array} self */
export function weigh(tree, self) {
    const total = Float64Array.from(self);
    for (let i = tree.count - 1; i > 0; i--)
        total[tree.parent[i]] += total[i];
    const of = { ...tree, self, total, frameSelf: new Float64Array(tree.frames.length), frameTotal: new Float64Array(tree.frames.length) };
    addFrames(of);
    return { total, frameSelf: of.frameSelf, frameTotal: of.frameTotal };
}

/** Nodes from the root's child to `node`. @param {Tree} tree @param {number} node */
export function pathTo(tree, node) {
    const path = [];
    for (let at = node; at !== 0; at = tree.parent[at])
        path.push(at);
    return path.reverse();
}

/** A short mark of a frame that is the same in another tree (FNV-1a). @param {Frame} frame */
export function frameMark(frame) {
    let hash = 0x811c9dc5;
    const text = frame.name + "\0" + frame.object + "\0" + frame.file;
    for (let i = 0; i < text.length; i++)
        hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
    return hash.toString(36);
}

/** The node under the root that these marks lead to, as far as they do. @param {Tree} tree @param {string[]} marks */
export function followMarks(tree, marks) {
    let node = 0;
    for (const mark of marks) {
        let found = 0;
        for (let k = tree.childFrom[node]; k < tree.childFrom[node + 1] && found === 0; k++)
            if (frameMark(tree.frames[tree.frame[tree.children[k]]]) === mark)
                found = tree.children[k];
        if (found === 0)
            break;
        node = found;
    }
    return node;
}
