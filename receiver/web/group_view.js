// @ts-check
// Why: the view of one group: puts its parts together and keeps them in step with the state.

import { fetchTree } from "./api.js";
import { makeCrumbs } from "./crumbs.js";
import { byId, h } from "./dom.js";
import { makeFlame } from "./flame.js";
import { ago, moment, percent, seconds } from "./format.js";
import { makeLegend } from "./legend.js";
import { makeRangePicker, rangeMs, rangeTitle } from "./range.js";
import { matchedTotal, matchFrames } from "./search.js";
import { makeTable } from "./table.js";
import { makeThreadsPicker } from "./threads.js";
import { describe, hideTooltip, showTooltip } from "./tooltip.js";
import { buildTree, followMarks, frameMark, pathTo } from "./tree.js";
import { makeTrust } from "./trust.js";

const ZOOM_MARKS_MAX = 120; // deeper zooms are not kept in the URL

/** @typedef {import("./state.js").State} State */
/**
 * @param {{get: () => State, change: (change: Partial<State>, isStep?: boolean) => void, reload: () => void,
 *   newest: () => number | null}} app
 */
export function makeGroupView(app) {
    /** @type {import("./tree.js").Tree | null} */
    let tree = null;
    let zoom = 0, asked = "", clock = "CPU time";
    /** @type {Uint8Array | null} */
    let matches = null;
    /** @type {string | null} */
    let etag = null;

    const range = makeRangePicker((change) => app.change(change, true));
    const threads = makeThreadsPicker((change) => app.change(change, true));
    const live = h("button.toggle", { type: "button", title: "Follow: look for new profiles every few seconds (l)", onclick: () => app.change({ live: !app.get().live }) }, h("i.dot", { "aria-hidden": "true" }), "Live");
    const search = /** @type {HTMLInputElement} */ (h("input", {
        type: "search", placeholder: "Search functions, objects, files", "aria-label": "Search functions, objects and files", title: "Search (/)",
        spellcheck: "false", autocomplete: "off", maxlength: 200, oninput: () => app.change({ query: search.value }),
    }));
    const matched = h("output.matched", { "aria-live": "polite" });
    const flip = h("button.plain", { type: "button", title: "Turn the graph over (i)", onclick: () => app.change({ flipped: !app.get().flipped }) });
    const trust = makeTrust(), crumbs = makeCrumbs(zoomTo), legend = makeLegend((object) => app.change({ query: object }));
    const focusText = h("p.focus-text", { "aria-live": "polite" });
    const flame = makeFlame({
        onZoom: zoomTo,
        onHover: (node, x, y) => (node === null || tree === null ? hideTooltip() : showTooltip(tree, node, x, y)),
        onFocus: (node) => {
            if (tree === null)
                return;
            const d = describe(tree, node);
            focusText.textContent = `${d.name}${d.object ? " (" + d.object + ")" : ""}: total ${d.total}, ${d.ofAll}; self ${d.self}`;
        },
    });
    const table = makeTable({
        onSort: (key) => {
            const state = app.get();
            app.change(state.sort === key ? { down: !state.down } : { sort: key, down: true });
        },
        onSelect: (frame) => {
            if (tree === null)
                return;
            const mark = frameMark(tree.frames[frame]);
            app.change({ selected: app.get().selected === mark ? null : mark });
        },
    });
    const notice = h("div.notice");
    const content = h("div.content", {}, trust.element,
        h("section.graph", { "aria-label": "Flame graph" }, h("div.graph-head", {}, crumbs.element, flip), flame.element, focusText, legend.element),
        table.element);
    const element = h("div.group-view", {},
        h("div.tools", {}, range.element, threads.element, live, h("span.grow"), h("div.search", {}, search, matched)), notice, content);
    content.hidden = true;

    /** @param {number} node */
    function zoomTo(node) {
        if (tree === null)
            return;
        const path = pathTo(tree, node);
        zoom = node;
        hideTooltip();
        app.change({ zoom: path.length > ZOOM_MARKS_MAX ? [] : path.map((n) => frameMark(/** @type {any} */ (tree).frames[/** @type {any} */ (tree).frame[n]])) }, true);
    }

    /** What the graph lights up: the selected function, or what the search matches. @param {State} state */
    function litFrames(state) {
        if (tree === null)
            return null;
        const selected = selectedFrame(state);
        if (selected < 0)
            return matches;
        const lit = new Uint8Array(tree.frames.length);
        lit[selected] = 1;
        return lit;
    }

    /** @param {State} state */
    function selectedFrame(state) {
        return tree === null || state.selected === null ? -1 : tree.frames.findIndex((frame, i) => i > 0 && frameMark(frame) === state.selected);
    }

    /** @param {State} state @param {"all" | "light"} what */
    function render(state, what) {
        if (tree === null)
            return;
        const began = performance.now();
        matches = matchFrames(tree, state.query);
        const lit = litFrames(state), selected = selectedFrame(state);
        matched.textContent = "";
        if (selected >= 0)
            matched.textContent = `selected: ${percent(tree.frameTotal[selected], tree.total[0])}`;
        else if (matches !== null) {
            const sum = matchedTotal(tree, matches);
            matched.textContent = `matched ${percent(sum, tree.total[0])} · ${seconds(sum)}`;
        }
        if (what === "all") {
            legend.show(tree);
            trust.show(tree);
            flame.show(tree, zoom, state.flipped, `all · ${seconds(tree.total[0])} of ${clock}`);
            crumbs.show(tree, zoom);
        }
        flame.light(lit);
        table.show(tree, { sort: state.sort, down: state.down, matches, selected });
        element.dataset.renderMs = (performance.now() - began).toFixed(1);
    }

    /** @param {State} state */
    function showControls(state) {
        range.show(state);
        live.setAttribute("aria-pressed", String(state.live));
        if (search.value !== state.query)
            search.value = state.query;
        flip.textContent = state.flipped ? "Flame ↑" : "Icicle ↓";
    }

    /** The range holds nothing: says so, and what would help. @param {State} state */
    function showNothing(state) {
        const newest = app.newest();
        const everything = h("button.plain", { type: "button", onclick: () => app.change({ range: "all" }, true) }, "Show all there is");
        if (newest !== null) {
            notice.replaceChildren(h("h2", {}, `Nothing in ${rangeTitle(state)}`),
                h("p", {}, `The newest profile of this group ended ${ago(newest)} (${moment(newest)}).`), everything);
        } else {
            notice.replaceChildren(h("h2", {}, "No profile of this group"), h("p", {}, "Nothing was sent under this name, or not to this receiver."),
                h("pre", {}, h("code", {}, `pando run --url ${location.origin} --group ${state.group} -- ./program`)));
        }
        notice.hidden = false;
        content.hidden = true;
        tree = null;
        etag = null;
    }

    /** An answer that did not come leaves what was shown. @param {Error} error */
    function showFailure(error) {
        notice.replaceChildren(h("h2", {}, "The profile cannot be shown"), h("p", {}, error.message));
        notice.hidden = false;
    }

    return {
        element,
        flame,
        focusSearch() {
            search.focus();
            search.select();
        },
        /** What Escape takes back: the search, then the selection, then the zoom. */
        stepBack() {
            const state = app.get();
            search.blur();
            if (state.query !== "")
                app.change({ query: "" });
            else if (state.selected !== null)
                app.change({ selected: null });
            else if (zoom !== 0)
                zoomTo(0);
        },
        zoomOut() {
            if (tree !== null && zoom !== 0)
                zoomTo(tree.parent[zoom]);
        },
        zoomReset: () => zoomTo(0),
        recolor() {
            flame.recolor();
            table.recolor();
            if (tree !== null)
                legend.show(tree);
        },
        /** The state has changed, the data has not. @param {State} state @param {Partial<State>} change */
        update(state, change) {
            showControls(state);
            if (tree !== null && ("zoom" in change) && (state.zoom.length > 0 || zoom !== 0)) {
                const wanted = followMarks(tree, state.zoom);
                if (state.zoom.length > 0 || pathTo(tree, zoom).length <= ZOOM_MARKS_MAX)
                    zoom = wanted;
            }
            render(state, "zoom" in change || "flipped" in change ? "all" : "light");
        },
        /** Asks the receiver. Resolves to whether there was something new. @param {State} state @param {AbortSignal} signal */
        async load(state, signal) {
            const key = [state.group, state.range, state.startMs, state.endMs, state.threads].join(" ");
            showControls(state);
            element.setAttribute("aria-busy", "true");
            try {
                const answer = await fetchTree(/** @type {string} */ (state.group), rangeMs(state), state.threads, key === asked ? etag : null, signal);
                notice.hidden = true;
                if (answer === null)
                    return false;
                if (answer.body.profiles === 0) {
                    showNothing(state);
                    return true;
                }
                threads.show(answer.body.states, answer.body.clock, state.threads);
                clock = answer.body.clock === "wall" ? "wall time" : "CPU time";
                etag = answer.etag;
                asked = key;
                const marks = tree !== null && zoom !== 0 ? pathTo(tree, zoom).map((n) => frameMark(/** @type {any} */ (tree).frames[/** @type {any} */ (tree).frame[n]])) : app.get().zoom;
                const began = performance.now();
                tree = buildTree(answer.body);
                element.dataset.buildMs = (performance.now() - began).toFixed(1);
                zoom = followMarks(tree, marks);
                content.hidden = false;
                render(app.get(), "all");
                byId("main").dataset.nodes = String(tree.count);
                return true;
            } catch (error) {
                if (signal.aborted)
                    return false;
                showFailure(/** @type {any} */ (error));
                throw error;
            } finally {
                element.removeAttribute("aria-busy");
            }
        },
    };
}
