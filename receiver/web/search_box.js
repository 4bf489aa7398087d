// @ts-check
// Why: the field of the search, and what part of the time matches.

import { h } from "./dom.js";
import { percent, seconds } from "./format.js";
import { matchedTotal } from "./search.js";

/** @param {(query: string) => void} onInput */
export function makeSearchBox(onInput) {
    const input = /** @type {HTMLInputElement} */ (h("input", {
        type: "search", placeholder: "Search functions, objects, files", "aria-label": "Search functions, objects and files",
        title: "Search (/). All words; =name for a whole name; /…/ for a regular expression", spellcheck: "false", autocomplete: "off", maxlength: 4200, oninput: () => onInput(input.value),
    }));
    const matched = h("output.matched", { "aria-live": "polite" });
    return {
        element: h("div.search", {}, matched, input),
        focus() {
            input.focus();
            input.select();
        },
        blur: () => input.blur(),
        /** @param {string} query */
        show(query) {
            if (input.value !== query)
                input.value = query;
        },
        /** @param {import("./tree.js").Tree} tree @param {Uint8Array | null} matches @param {number} selected a frame; below 1: none */
        tell(tree, matches, selected) {
            const all = tree.total[0];
            if (matches !== null) {
                const sum = matchedTotal(tree, matches);
                matched.textContent = `matched ${percent(sum, all)} · ${seconds(sum)}`;
            } else {
                matched.textContent = selected > 0 ? `selected: ${percent(tree.frameTotal[selected], all)}` : "";
            }
        },
    };
}
