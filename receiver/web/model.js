// @ts-check
// Why: from the receiver's answers to the trees that are drawn, through the lens, each worked out once.

import { fetchTree } from "./api.js";
import { diffTrees } from "./diff.js";
import { columnsOf, treeOf } from "./tree.js";
import { calleesOf, callersOf, transform } from "./transform.js";

/** @typedef {import("./tree.js").Tree} Tree */
/** @typedef {Tree & {sides?: import("./diff.js").Sides}} Shown a tree, or two laid over each other */

/** One selection's answer. */
function makeSource() {
    /** @type {any} */
    let body = null;
    /** @type {string | null} */
    let etag = null;
    let asked = "", version = 0;
    return {
        get body() {
            return body;
        },
        get version() {
            return version;
        },
        forget() {
            body = etag = null;
            asked = "";
            version++;
        },
        /** Whether there is something new. @param {import("./state.js").Selection} selection @param {AbortSignal} signal */
        async load(selection, signal) {
            const { group, range, startMs, endMs, threads, filters } = selection;
            const key = JSON.stringify([group, range, startMs, endMs, threads, filters]);
            const answer = await fetchTree(selection, key === asked ? etag : null, signal);
            if (answer === null || signal.aborted)
                return false;
            body = answer.body;
            etag = answer.etag;
            asked = key;
            version++;
            return true;
        },
    };
}

export function makeModel() {
    const main = makeSource(), base = makeSource();
    let key = "";
    /** @type {Shown | null} */
    let shown = null;
    /** @type {Tree | null} */
    let mainTree = null;
    /** @type {Tree | null} */
    let baseTree = null;

    /** @param {import("./transform.js").Lens} lens */
    function make(lens) {
        const treeFrom = (/** @type {any} */ body) => treeOf(transform(body.profiles === 0 ? nothing() : columnsOf(body), lens), body);
        mainTree = treeFrom(main.body);
        baseTree = base.body !== null ? treeFrom(base.body) : null;
        return baseTree !== null ? diffTrees(baseTree, mainTree) : mainTree;
    }

    return {
        main, base,
        /** What is to be drawn; null: there is no answer yet. @param {import("./transform.js").Lens} lens */
        tree(lens) {
            if (main.body === null || main.body.profiles === 0)
                return null;
            const wanted = `${main.version} ${base.version} ${JSON.stringify(lens)}`;
            if (wanted !== key)
                shown = make(lens);
            key = wanted;
            return shown;
        },
        /** The callers' tree and the callees' of a function of tree(). @param {number} which @returns {{callers: Shown, callees: Shown}} */
        around(which) {
            const tree = /** @type {Shown} */ (shown);
            const both = (/** @type {typeof callersOf} */ make) => {
                if (tree.sides === undefined || mainTree === null || baseTree === null)
                    return treeOf(make(tree, which), tree.meta);
                const side = (/** @type {Tree} */ of) => treeOf(make(of, findFrame(of, tree.frames[which])), of.meta);
                return diffTrees(side(baseTree), side(mainTree), { allA: baseTree.total[0], allB: mainTree.total[0] });
            };
            return { callers: both(callersOf), callees: both(calleesOf) };
        },
    };
}

/** @returns {import("./transform.js").Columns} */
function nothing() {
    return { frames: [{ name: "", object: "", file: "", line: 0, lineEnd: 0 }], parent: [0], frame: [0], self: [0] };
}

/** The number of the same frame in another tree; 0: it is not there. @param {Tree} tree @param {import("./tree.js").Frame} frame */
function findFrame(tree, { name, object, file }) {
    return Math.max(0, tree.frames.findIndex((other, i) => i > 0 && other.name === name && other.object === object && other.file === file));
}
