// @ts-check
// Why: what is said in the graph's place when there is none: why, and what would help.

import { h } from "./dom.js";
import { ago, moment, visibleShort } from "./format.js";
import { rangeTitle } from "./range.js";

/** @param {{onAll: () => void, onClearFilters: () => void, newest: () => number | null}} app */
export function makeNotice({ onAll, onClearFilters, newest }) {
    const element = h("div.notice");
    const say = (/** @type {string} */ title, /** @type {(Node | string)[]} */ ...rest) => {
        element.replaceChildren(h("h2", {}, title), ...rest);
        element.hidden = false;
    };
    element.hidden = true;
    return {
        element,
        hide: () => (element.hidden = true),
        /** The selection holds nothing. @param {import("./state.js").State} state */
        showNothing(state) {
            const last = newest(), all = h("button.plain", { type: "button", onclick: onAll }, "Show all there is");
            if (last === null) {
                say("No profile of this group", h("p", {}, "Nothing was sent under this name, or not to this receiver."),
                    h("pre", {}, h("code", {}, `pando run --url ${location.origin} --group ${state.group} -- ./program`)));
            } else if (state.filters.length > 0) {
                say(`Nothing in ${rangeTitle(state)} with these filters`, h("p", {}, state.filters.map(([kind, value]) => `${kind} ${visibleShort(value)}`).join(", ")),
                    h("button.plain", { type: "button", onclick: onClearFilters }, "Without filters"), " ", all);
            } else {
                say(`Nothing in ${rangeTitle(state)}`, h("p", {}, `The newest profile of this group ended ${ago(last)} (${moment(last)}).`), all);
            }
        },
        /** The lens leaves nothing. @param {() => void} onClear */
        showEmptyLens(onClear) {
            say("Nothing is left of the stacks", h("p", {}, "No sample passes what was chosen under “Lens”."), h("button.plain", { type: "button", onclick: onClear }, "Clear the lens"));
        },
        /** An answer that did not come leaves what was shown. @param {string} message */
        showFailure: (message) => say("The profile cannot be shown", h("p", {}, message)),
    };
}
