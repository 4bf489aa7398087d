// @ts-check
// Why: the view of one group: puts its parts together and keeps them in step with the state.

import { frameActions, nodeActions } from "./actions.js";
import { changeColors, frameColors, isDark } from "./colors.js";
import { makeCompare, previous } from "./compare.js";
import { makeCrumbs } from "./crumbs.js";
import { makeDetails } from "./details.js";
import { byId, h } from "./dom.js";
import { makeDownloads } from "./downloads.js";
import { makeFilters } from "./filters.js";
import { makeFlame } from "./flame.js";
import { seconds } from "./format.js";
import { makeGraphHead } from "./graph_head.js";
import { assignTreeColors, makeLegend } from "./legend.js";
import { makeLensBar } from "./lens_bar.js";
import { openMenu } from "./menu.js";
import { makeModel } from "./model.js";
import { systemTest } from "./names.js";
import { makeNotice } from "./notice.js";
import { makeRangePicker } from "./range.js";
import { makeSandwich } from "./sandwich.js";
import { matchFrames } from "./search.js";
import { makeSearchBox } from "./search_box.js";
import { makeSourceView } from "./source_view.js";
import { makeTable } from "./table.js";
import { makeThreadsPicker } from "./threads.js";
import { makeTimeline } from "./timeline.js";
import { describe, hideTooltip, showTooltip } from "./tooltip.js";
import { clearLens } from "./transform.js";
import { followMarks, frameMark, pathTo } from "./tree.js";
import { makeTrust } from "./trust.js";

/** @param {State} state @returns {import("./state.js").Selection} */
function selectionOf({ group, range, startMs, endMs, threads, filters }) {
    return { group, range, startMs, endMs, threads, filters };
}

const ZOOM_MARKS_MAX = 120; // deeper zooms are not kept in the URL

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./model.js").Shown} Shown */
/**
 * @param {{get: () => State, change: (change: Partial<State>, isStep?: boolean) => void, reload: () => void,
 *   groups: () => import("./api.js").Group[], formats: () => import("./downloads.js").Format[]}} app
 */
export function makeGroupView(app) {
    const model = makeModel();
    /** @type {Shown | null} */
    let tree = null;
    let zoom = 0;

    const step = (/** @type {Partial<State>} */ change) => app.change(change, true);
    const range = makeRangePicker(step), threads = makeThreadsPicker(step), trust = makeTrust(), crumbs = makeCrumbs(zoomTo);
    const live = h("button.toggle", { type: "button", title: "Follow: look for new profiles every few seconds (l)", onclick: () => app.change({ live: !app.get().live }) }, h("i.dot", { "aria-hidden": "true" }), "Live");
    const compareButton = h("button.plain", { type: "button", title: "Compare with another time or group (c)", onclick: () => toggleCompare() }, "Compare");
    const known = () => (model.main.body?.profiles > 0 ? model.main.body : null);
    const compare = makeCompare({ onChange: (base) => step({ base }), known });
    const filters = makeFilters((chosen) => step({ filters: chosen }));
    const timeline = makeTimeline({
        onRange: (startMs, endMs) => step({ range: "custom", startMs, endMs }),
        onBase: (startMs, endMs) => step({ base: { ...selectionOf(app.get()), range: "custom", startMs, endMs } }),
    });
    const group = () => app.groups().find(({ name }) => name === app.get().group) ?? null;
    const search = makeSearchBox((query) => app.change({ query }));
    const legend = makeLegend((text) => app.change({ query: text })), lensBar = makeLensBar((lens) => step({ lens, zoom: [] }));
    const downloads = makeDownloads({ get: app.get, formats: app.formats, bodies: () => ({ main: model.main.body, base: model.base.body }) }), head = makeGraphHead(app, [lensBar.button]);
    const focusText = h("p.focus-text", { "aria-live": "polite" });
    const notice = makeNotice({ onAll: () => step({ range: "all" }), onClearFilters: () => step({ filters: [] }), newest: () => group()?.lastEndMs ?? null });
    const flame = makeFlame({
        onZoom: zoomTo,
        onHover: (node, x, y) => (node === null || tree === null ? hideTooltip() : showTooltip(tree, node, x, y)),
        onFocus: (node) => {
            if (tree === null)
                return;
            const d = describe(tree, node);
            focusText.textContent = `${d.name}${d.object ? " (" + d.object + ")" : ""}: total ${d.total}, ${d.ofAll}; self ${d.self}`;
        },
        onMenu: (node, x, y) => tree !== null && showMenu(tree, node, x, y, zoomTo),
    });
    const sandwich = makeSandwich({
        onChoose: (of, node) => of.frame[node] !== 0 && step({ selected: frameMark(of.frames[of.frame[node]]) }),
        onMenu: (of, node, x, y) => showMenu(of, node, x, y, null),
        fillOf: fillOf,
    });
    const source = makeSourceView({ onSelect: select });
    const details = makeDetails({
        onSelect: select, onClose: () => app.change({ selected: null }),
        actionsOf: (frame) => (tree === null ? [] : frameActions(tree, frame, app.get(), app.change)),
    });
    const table = makeTable({
        onSort: (key) => {
            const state = app.get();
            app.change(state.sort === key ? { down: !state.down } : { sort: key, down: true });
        },
        onSelect: (frame) => tree !== null && (selectedFrame(app.get()) === frame && app.get().view === "graph" ? app.change({ selected: null }) : select(frame)),
        onMenu: (frame, x, y) => tree !== null && openMenu(tree.frames[frame].name, frameActions(tree, frame, app.get(), app.change), x, y),
    });
    const graph = h("div.whole", {}, crumbs.element, flame.element, focusText);
    const picture = h("section.graph", { "aria-label": "Graph" }, head.element, lensBar.chips, h("div.graph-body", {}, h("div.picture", {}, graph, sandwich.element, source.element, legend.element), details.element));
    const content = h("div.content", {}, trust.element, picture, table.element);
    const element = h("div.group-view", {},
        h("div.tools", {}, range.element, threads.element, filters.element, live, compareButton, downloads.element, h("span.grow"), search.element), timeline.element, compare.element, notice.element, content);
    content.hidden = true;

    /** @param {Shown} of @param {number} node @param {number} x @param {number} y @param {((node: number) => void) | null} zoomIn */
    function showMenu(of, node, x, y, zoomIn) {
        const items = nodeActions(of, node, app.get(), app.change, zoomIn);
        hideTooltip();
        if (items.length > 0)
            openMenu(describe(of, node).name, items, x, y);
    }

    /** @param {number} frame */
    function select(frame) {
        if (tree !== null)
            step({ selected: frameMark(tree.frames[frame]) });
    }

    /** The colour of each node. @param {Shown} of */
    function fillOf(of) {
        if (of.sides !== undefined)
            return changeColors(/** @type {any} */ (of), isDark());
        const colors = frameColors(of.frames, isDark(), app.get().coloring, systemTest(of.meta));
        return (/** @type {number} */ node) => colors[of.frame[node]];
    }

    /** @param {number} node */
    function zoomTo(node) {
        if (tree === null)
            return;
        const { frames, frame } = tree, path = pathTo(tree, node);
        zoom = node;
        hideTooltip();
        step({ zoom: path.length > ZOOM_MARKS_MAX ? [] : path.map((n) => frameMark(frames[frame[n]])) });
    }

    function toggleCompare() {
        const state = app.get();
        step({ base: state.base === null ? previous(selectionOf(state), known()) : null });
    }

    /** @param {State} state */
    function selectedFrame(state) {
        return tree === null || state.selected === null ? -1 : tree.frames.findIndex((frame, i) => i > 0 && frameMark(frame) === state.selected);
    }

    /** @param {Shown} of @param {number} frame */
    function only(of, frame) {
        const lit = new Uint8Array(of.frames.length);
        lit[frame] = 1;
        return lit;
    }

    /** @param {State} state @param {boolean} isAll whether more than the search and the selection may have changed */
    function render(state, isAll) {
        if (tree === null)
            return;
        const began = performance.now();
        const matches = matchFrames(tree, state.query), selected = selectedFrame(state), isDiff = tree.sides !== undefined;
        search.tell(tree, matches, selected);
        assignTreeColors(tree, state.coloring);
        if (isAll) {
            legend.show(tree, state.coloring);
            trust.show(tree);
        }
        graph.hidden = state.view !== "graph";
        sandwich.element.hidden = state.view !== "sandwich";
        legend.element.hidden = state.view === "source";
        source.element.hidden = state.view !== "source";
        if (state.view === "source")
            source.show(tree, selected, state);
        if (state.view === "sandwich")
            sandwich.show(tree, selected, selected > 0 ? model.around(selected) : null, state.full);
        if (state.view === "graph") {
            if (isAll) {
                const clock = model.main.body.clock === "wall" ? "wall time" : "CPU time";
                const rootLabel = isDiff ? "all · the mean of both" : `all · ${seconds(tree.total[0])} of ${clock}`;
                flame.show(tree, { zoom, flipped: state.flipped, rootLabel, full: state.full, fill: fillOf(tree) });
                crumbs.show(tree, zoom);
            }
            flame.light(matches ?? (selected > 0 ? only(tree, selected) : null));
        }
        details.show(tree, selected, state.full);
        table.show(tree, { sort: state.sort, down: state.down, matches, selected, full: state.full, coloring: state.coloring });
        element.dataset.renderMs = (performance.now() - began).toFixed(1);
    }

    /** @param {State} state */
    function showControls(state) {
        range.show(state);
        live.setAttribute("aria-pressed", String(state.live));
        compareButton.setAttribute("aria-pressed", String(state.base !== null));
        compare.show(state, state.base, app.groups().map(({ name }) => name));
        filters.show(state);
        search.show(state.query);
        lensBar.show(state.lens);
        head.show(state, state.base !== null);
    }

    /** Works out the tree anew from what was answered, and keeps the zoom. @param {State} state */
    function rebuild(state) {
        const marks = tree !== null && zoom !== 0 && state.zoom.length === 0 && pathTo(tree, zoom).length > ZOOM_MARKS_MAX ? pathMarks() : state.zoom;
        const began = performance.now();
        tree = model.tree(state.lens);
        element.dataset.buildMs = (performance.now() - began).toFixed(1);
        content.hidden = tree === null;
        notice.hide();
        if (tree === null) {
            notice.showNothing(state);
            return;
        }
        if (!(tree.total[0] > 0))
            notice.showEmptyLens(() => step({ lens: clearLens() }));
        zoom = followMarks(tree, marks);
        render(state, true);
        byId("main").dataset.nodes = String(tree.count);
        byId("main").dataset.totalNs = String(tree.total[0]);
    }

    function pathMarks() {
        const { frames, frame } = /** @type {Shown} */ (tree);
        return pathTo(/** @type {Shown} */ (tree), zoom).map((node) => frameMark(frames[frame[node]]));
    }

    return {
        element,
        focusSearch: search.focus,
        openLens: lensBar.open,
        toggleCompare,
        /** What Escape takes back: the search, then the selection, then the zoom. */
        stepBack() {
            const state = app.get();
            search.blur();
            if (state.query !== "")
                app.change({ query: "" });
            else if (state.selected !== null)
                app.change({ selected: null, view: "graph" });
            else if (zoom !== 0)
                zoomTo(0);
        },
        zoomOut() {
            if (tree !== null && zoom !== 0)
                zoomTo(tree.parent[zoom]);
        },
        zoomReset: () => zoomTo(0),
        recolor() {
            timeline.recolor();
            render(app.get(), true);
        },
        /** The state has changed, the data has not. @param {State} state @param {Partial<State>} change */
        update(state, change) {
            showControls(state);
            if (model.main.body === null)
                return;
            if ("lens" in change) {
                rebuild(state);
                return;
            }
            if (tree !== null && "zoom" in change && (state.zoom.length > 0 || zoom !== 0)) {
                const wanted = followMarks(tree, state.zoom);
                if (state.zoom.length > 0 || pathTo(tree, zoom).length <= ZOOM_MARKS_MAX)
                    zoom = wanted;
            }
            if ("view" in change && content.getBoundingClientRect().top < 0)
                picture.scrollIntoView({ block: "start" }); // it was chosen in the table, far below
            render(state, Object.keys(change).some((key) => !["query", "selected", "sort", "down", "live"].includes(key)));
        },
        /** Asks the receiver. Resolves to whether there was something new. @param {State} state @param {AbortSignal} signal */
        async load(state, signal) {
            showControls(state);
            element.setAttribute("aria-busy", "true");
            try {
                const hadBase = model.base.body !== null;
                if (state.base === null && hadBase)
                    model.base.forget();
                const news = await Promise.all([model.main.load(state, signal), state.base === null ? hadBase : model.base.load(state.base, signal)]);
                if (signal.aborted)
                    return false;
                if (group() !== null)
                    await Promise.all([timeline.load(state, group(), model.main.body.clock === "wall", signal), filters.load(state, signal)]);
                if (signal.aborted || !news.includes(true) && tree !== null)
                    return false;
                filters.takeSlices(model.main.body);
                threads.show(model.main.body.states, model.main.body.clock, state.threads);
                rebuild(app.get());
                return true;
            } catch (error) {
                if (signal.aborted)
                    return false;
                notice.showFailure(/** @type {Error} */ (error).message);
                throw error;
            } finally {
                element.removeAttribute("aria-busy");
            }
        },
    };
}
