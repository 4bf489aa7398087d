// @ts-check
// Why: the file of the selected function with what was sampled on each of its lines. The weights of lines are those of all threads and
// stacks; where a profile has none, a function's cost stands at the first line that it was met on, and all to the last are marked.

import { fetchJson, groupPath, queryOf } from "./api.js";
import { h } from "./dom.js";
import { percent, seconds, visible, visibleShort, whole } from "./format.js";
import { linesOf, wholeOf } from "./lines.js";
import { shortName } from "./names.js";
import { isClear } from "./transform.js";

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
    const about = h("p.quiet"), element = h("div.source", {}, hint, title, about, list, body);
    let asked = "", lines = [""], first = 0, last = 0;
    /** @type {AbortController | null} */
    let asking = null;
    /** @type {{tree: Tree, which: number, state: import("./state.js").State} | null} */
    let now = null;

    /** @param {string} text */
    function say(text) {
        hint.textContent = text;
        hint.hidden = text === "";
        title.hidden = about.hidden = list.hidden = body.hidden = text !== "";
    }

    /** @param {number} frame @param {number} all */
    function mark(frame, all) {
        const { tree } = /** @type {{tree: Tree}} */ (now), bar = h("i.share", { "aria-hidden": "true" });
        bar.style.width = Math.min(100, all > 0 ? 100 * tree.frameSelf[frame] / all : 0) + "%";
        return h("button.cost", { type: "button", title: `${visibleShort(tree.frames[frame].name)}: self ${seconds(tree.frameSelf[frame])}, total ${seconds(tree.frameTotal[frame])}`, onclick: () => onSelect(frame) },
            bar, h("span", {}, `${percent(tree.frameSelf[frame], all)} self, ${percent(tree.frameTotal[frame], all)} total`));
    }

    /** Self and total of a line. @param {number} line @param {{self: number, total: number}} cost @param {number} all */
    function weight(line, { self, total }, all) {
        const bar = h("i.share", { "aria-hidden": "true" });
        bar.style.width = Math.min(100, all > 0 ? 100 * self / all : 0) + "%";
        return h("span.cost", { title: `Line ${line}: self ${seconds(self)}, total ${seconds(total)}` }, bar,
            h("span", {}, `${self > 0 ? percent(self, all) : "–"} self, ${percent(total, all)} total`));
    }

    /** What is said above: whose the lines' weights are. @param {Tree} tree @param {number} which @param {import("./state.js").State} state */
    function explain(tree, which, state) {
        const lines = linesOf(tree, [which]), self = [...lines.values()].reduce((sum, line) => sum + line.self, 0);
        const isPart = state.base !== null || state.filters.some(([kind]) => kind === "thread" || kind === "label") || !isClear(state.lens) || !["", "CPU", "all"].includes(state.threads);
        if (lines.size === 0)
            return tree.frames[which].line > 0 ? "These profiles do not tell how often each line was met." : "";
        if (isPart)
            return "Weights of lines are those of all threads, stacks and states of this time.";
        const rest = tree.frameSelf[which] - self;
        return rest > tree.frameSelf[which] / 1000 ? `${seconds(rest)} of its ${seconds(tree.frameSelf[which])} of self time have no line: they were sampled before it was looked up, or there was no room.` : "";
    }

    function fill() {
        if (now === null)
            return;
        const { tree, which, state } = now, functions = functionsIn(tree, tree.frames[which].file);
        list.replaceChildren(...functions.slice(0, 12).map((i) => h("button.item", { type: "button", "aria-pressed": String(i === which), onclick: () => onSelect(i) },
            h("span.label", {}, visibleShort(shortName(tree.frames[i].name))), h("span.number", {}, percent(tree.frameSelf[i], tree.total[0])))));
        const costs = linesOf(tree, functions), all = costs.size > 0 ? wholeOf(tree) : tree.total[0];
        about.textContent = explain(tree, which, state);
        about.hidden = about.textContent === "";
        const rows = [];
        for (let line = first; line <= last; line++) {
            const cost = costs.get(line), here = costs.size > 0 ? [] : functions.filter((i) => tree.frames[i].line === line), isIn = tree.frames[which].line <= line && line <= tree.frames[which].lineEnd;
            const isMet = isIn || functions.some((i) => tree.frames[i].line <= line && line <= tree.frames[i].lineEnd);
            rows.push(h("div.line" + (isIn ? ".chosen" : isMet ? ".met" : ""), {}, h("span.costs", {}, ...(cost !== undefined ? [weight(line, cost, all)] : here.slice(0, 2).map((i) => mark(i, all)))),
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
            now = frame !== null ? { tree, which, state } : null;
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
