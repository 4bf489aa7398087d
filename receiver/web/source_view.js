// @ts-check
// Why: the file of the selected function with what was sampled in it. A profile knows for each function from which to which line it was
// met, not how often on each: so a function's cost stands at the first of its lines, and all between are marked.

import { fetchJson, groupPath, queryOf } from "./api.js";
import { h } from "./dom.js";
import { percent, seconds, visible, visibleShort, whole } from "./format.js";
import { shortName } from "./names.js";

const AROUND = 150, MORE = 500;

/** @typedef {import("./tree.js").Tree} Tree */
/** The functions of a tree in a file, the most expensive first. @param {Tree} tree @param {string} file */
function functionsIn(tree, file) {
    const found = [];
    for (let i = 1; i < tree.frames.length; i++)
        if (tree.frames[i].file === file && tree.frames[i].line > 0 && tree.frameTotal[i] > 0)
            found.push(i);
    return found.sort((a, b) => tree.frameSelf[b] - tree.frameSelf[a] || tree.frameTotal[b] - tree.frameTotal[a]);
}

/** @param {{onSelect: (frame: number) => void}} callbacks */
export function makeSourceView({ onSelect }) {
    const hint = h("p.hint"), title = h("p.middle"), list = h("div.chips"), body = h("div.code", { tabindex: 0, role: "region", "aria-label": "Source" });
    const element = h("div.source", {}, hint, title, list, body);
    let asked = "", lines = [""], first = 0, last = 0;
    /** @type {AbortController | null} */
    let asking = null;
    /** @type {{tree: Tree, which: number} | null} */
    let now = null;

    /** @param {string} text */
    function say(text) {
        hint.textContent = text;
        hint.hidden = text === "";
        title.hidden = list.hidden = body.hidden = text !== "";
    }

    /** @param {number} frame @param {number} all */
    function mark(frame, all) {
        const { tree } = /** @type {{tree: Tree}} */ (now), bar = h("i.share", { "aria-hidden": "true" });
        bar.style.width = Math.min(100, all > 0 ? 100 * tree.frameSelf[frame] / all : 0) + "%";
        return h("button.cost", { type: "button", title: `${visibleShort(tree.frames[frame].name)}: self ${seconds(tree.frameSelf[frame])}, total ${seconds(tree.frameTotal[frame])}`, onclick: () => onSelect(frame) },
            bar, h("span", {}, `${percent(tree.frameSelf[frame], all)} self, ${percent(tree.frameTotal[frame], all)} total`));
    }

    function fill() {
        if (now === null)
            return;
        const { tree, which } = now, all = tree.total[0], functions = functionsIn(tree, tree.frames[which].file);
        list.replaceChildren(...functions.slice(0, 12).map((i) => h("button.item", { type: "button", "aria-pressed": String(i === which), onclick: () => onSelect(i) },
            h("span.label", {}, visibleShort(shortName(tree.frames[i].name))), h("span.number", {}, percent(tree.frameSelf[i], all)))));
        const rows = [];
        for (let line = first; line <= last; line++) {
            const here = functions.filter((i) => tree.frames[i].line === line), isIn = tree.frames[which].line <= line && line <= tree.frames[which].lineEnd;
            const isMet = isIn || functions.some((i) => tree.frames[i].line <= line && line <= tree.frames[i].lineEnd);
            rows.push(h("div.line" + (isIn ? ".chosen" : isMet ? ".met" : ""), {}, h("span.costs", {}, ...here.slice(0, 2).map((i) => mark(i, all))),
                h("span.at", {}, String(line)), h("code", {}, visible(lines[line - 1]).replace(/‹U\+0009›/g, "    "))));
        }
        const more = (/** @type {string} */ text, /** @type {() => void} */ grow) => h("button.plain", { type: "button", onclick: () => {
            grow();
            fill();
        } }, text);
        body.replaceChildren(...(first > 1 ? [more("Earlier lines", () => (first = Math.max(1, first - MORE)))] : []), ...rows,
            ...(last < lines.length ? [more(`More lines of ${whole(lines.length)}`, () => (last = Math.min(lines.length, last + MORE)))] : []));
    }

    /** @param {import("./state.js").State} state @param {import("./tree.js").Frame} frame */
    async function load(state, frame) {
        asking?.abort();
        const mine = (asking = new AbortController()), query = queryOf(state);
        query.set("file", frame.file);
        try {
            const answer = await fetchJson(groupPath(state, "source") + "?" + query, mine.signal);
            if (mine.signal.aborted)
                return;
            if (typeof answer.text !== "string")
                return say(answer.reason);
            lines = answer.text.replace(/\r?\n$/, "").split(/\r?\n/);
            say("");
            jump(frame);
        } catch (error) {
            if (!mine.signal.aborted)
                say(/** @type {Error} */ (error).message);
        }
    }

    /** @param {import("./tree.js").Frame} frame */
    function jump(frame) {
        first = Math.max(1, Math.min(frame.line, lines.length) - AROUND);
        last = Math.min(lines.length, Math.max(frame.lineEnd, frame.line) + AROUND);
        fill();
        const chosen = body.querySelector(".chosen");
        if (chosen instanceof HTMLElement)
            body.scrollTop = chosen.offsetTop - body.offsetTop - body.clientHeight / 3;
    }

    return {
        element,
        /** @param {Tree} tree @param {number} which below 1: none is chosen @param {import("./state.js").State} state */
        show(tree, which, state) {
            const frame = which > 0 ? tree.frames[which] : null, isSame = now !== null && frame !== null && now.tree.frames[now.which] === frame;
            now = frame !== null ? { tree, which } : null;
            if (frame === null)
                return say("Choose a function in the table below: its source file is shown here, if it is at hand on the receiver’s machine.");
            if (frame.file === "")
                return say(`No source file is known for ${visibleShort(shortName(frame.name))}: its program was built without line information (-g), or it was not found.`);
            title.replaceChildren(h("b", {}, visibleShort(frame.file)), frame.line > 0 ? ` · ${visibleShort(shortName(frame.name))} was met in ${frame.lineEnd > frame.line ? `lines ${frame.line} to ${frame.lineEnd}` : `line ${frame.line}`}` : "");
            const key = JSON.stringify([state.group, frame.file]);
            if (key !== asked) {
                asked = key;
                say("…");
                load(state, frame);
            } else if (hint.hidden) {
                if (isSame)
                    fill();
                else
                    jump(frame);
            }
        },
    };
}
