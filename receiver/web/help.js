// @ts-check
// Why: the keys, on a sheet; and the one place that says what each of them does.

import { byId, h } from "./dom.js";

/** @type {[string[], string][]} */
const KEYS = [
    [["/", "Ctrl-F"], "search functions, objects and files"],
    [["Esc"], "clear the search, then the selection, then the zoom"],
    [["0"], "show all again"],
    [["Backspace"], "zoom out by one frame"],
    [["i"], "turn the graph over: icicle or flame"],
    [["s"], "sandwich: callers and callees of the selected function"],
    [["o"], "source of the selected function"],
    [["w"], "lens: only stacks with, show from, hide, …"],
    [["r"], "merge recursion, or not"],
    [["c"], "compare with another time or group"],
    [["k"], "colour by object, package, function, or my code in front"],
    [["n"], "whole names, or short ones"],
    [["l"], "follow live, or stop"],
    [["1", "…", "5"], "the last minute, 5 minutes, 15 minutes, hour; all"],
    [["t"], "light or dark"],
    [["g"], "list of groups"],
    [["← ↑ ↓ →"], "in the graph: move from frame to frame"],
    [["Enter"], "in the graph: zoom in on the frame"],
    [["m"], "in the graph: what can be done with the frame (the right button does it too)"],
    [["?"], "this sheet"],
];

export function showHelp() {
    const sheet = /** @type {HTMLDialogElement} */ (byId("help-sheet"));
    if (sheet.open) {
        sheet.close();
        return;
    }
    sheet.replaceChildren(
        h("h2", { id: "help-title" }, "Keyboard"),
        h("dl.keys", {}, ...KEYS.flatMap(([keys, what]) => [h("dt", {}, ...keys.flatMap((key, i) => [i ? " " : "", key === "…" ? "…" : h("kbd", {}, key)])), h("dd", {}, what)])),
        h("h2", {}, "Reading the graph"),
        h("p", {}, "A frame’s width is the time spent in it (CPU time, unless wall time was chosen) and in what it calls. Below a frame are its callees, the heaviest on the left. "
            + "A frame without anything below it used its time itself. The colour tells which program or library the code is in; grey pieces are frames too thin to draw."),
        h("form", { method: "dialog" }, h("button.plain", { autofocus: true }, "Close")));
    sheet.showModal();
}

/** Calls the action of a key, unless text is being typed. @param {Record<string, () => void>} actions */
export function listenForKeys(actions) {
    document.addEventListener("keydown", (event) => {
        if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "f" && actions["/"] !== undefined) {
            event.preventDefault();
            actions["/"]();
            return;
        }
        if (event.ctrlKey || event.metaKey || event.altKey || byId("help-sheet").open)
            return;
        const target = /** @type {HTMLElement} */ (event.target);
        const typing = target.tagName === "INPUT" || target.tagName === "TEXTAREA";
        if (typing && event.key !== "Escape")
            return;
        const action = actions[event.key];
        if (action !== undefined) {
            event.preventDefault();
            action();
        }
    });
}
