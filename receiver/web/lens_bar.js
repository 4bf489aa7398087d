// @ts-check
// Why: what the tree is looked at through, as chips that can be taken away, and a panel to add to them.

import { h } from "./dom.js";
import { visibleShort } from "./format.js";
import { makePopover } from "./popover.js";
import { clearLens, isClear } from "./transform.js";

/** @typedef {import("./transform.js").Lens} Lens */
/** @type {{key: "focus" | "drop" | "from" | "hide", label: string, chip: string, help: string}[]} */
const TEXTS = [
    { key: "focus", label: "Only stacks with", chip: "only", help: "samples whose stack has a matching frame" },
    { key: "drop", label: "Drop stacks with", chip: "without", help: "leaves such samples out" },
    { key: "from", label: "Show from", chip: "from", help: "cuts away what called the first matching frame" },
    { key: "hide", label: "Hide frames", chip: "hidden", help: "their time goes to their callers" },
];
/** @type {Record<string, string>} */
const LEVELS = { function: "functions", package: "packages", object: "objects" };

/** @param {(lens: Lens) => void} onChange */
export function makeLensBar(onChange) {
    /** @type {Lens} */
    let lens = clearLens();
    const change = (/** @type {Partial<Lens>} */ part) => onChange({ ...lens, ...part });
    const inputs = TEXTS.map(({ key, label, help }) => /** @type {HTMLInputElement} */ (h("input", {
        type: "text", id: "lens-" + key, "aria-label": label, title: help, placeholder: help, spellcheck: "false", autocomplete: "off", maxlength: 4200,
        onchange: (/** @type {any} */ event) => change({ [key]: event.target.value }),
    })));
    const recursion = h("input", { type: "checkbox", id: "lens-recursion", onchange: () => change({ recursion: recursion.checked }) });
    const level = h("select", { id: "lens-level", onchange: () => change({ level: level.value }) }, ...Object.entries(LEVELS).map(([value, text]) => h("option", { value }, text)));
    const popover = makePopover("Lens", "Look at a part of the stacks (w)", [
        h("div.form", {}, ...TEXTS.flatMap(({ key, label }, i) => [h("label", { for: "lens-" + key }, label), inputs[i]]),
            h("label", { for: "lens-level" }, "Frames are"), level,
            h("label", { for: "lens-recursion" }, "Merge recursion"), h("span", {}, recursion)),
        h("p.quiet", {}, "Words that must be in the function, the object or the file; =name for a whole name; /…/ for a regular expression."),
        h("button.plain", { type: "button", onclick: () => onChange(clearLens()) }, "Clear all"),
    ]);
    const chips = h("div.chips");
    const chip = (/** @type {string} */ kind, /** @type {string} */ text, /** @type {Partial<Lens>} */ without) =>
        h("span.chip", {}, h("span.kind", {}, kind), h("span.what", { title: visibleShort(text) }, visibleShort(text.replace(/^=/, ""))),
            h("button", { type: "button", "aria-label": `Remove: ${kind} ${visibleShort(text)}`, onclick: () => change(without) }, "×"));
    return {
        button: popover.element,
        chips,
        open: () => popover.button.click(),
        /** @param {Lens} now */
        show(now) {
            lens = now;
            TEXTS.forEach(({ key }, i) => document.activeElement !== inputs[i] && (inputs[i].value = now[key]));
            recursion.checked = now.recursion;
            level.value = now.level;
            popover.button.classList.toggle("on", !isClear(now));
            chips.replaceChildren(
                ...TEXTS.filter(({ key }) => now[key] !== "").map(({ key, chip: kind }) => chip(kind, now[key], { [key]: "" })),
                ...now.collapse.map((object) => chip("folded", object || "unknown", { collapse: now.collapse.filter((other) => other !== object) })),
                ...(now.recursion ? [chip("merged", "recursion", { recursion: false })] : []),
                ...(now.level !== "function" ? [chip("frames are", LEVELS[now.level], { level: "function" })] : []));
            chips.hidden = chips.childElementCount === 0;
        },
    };
}
