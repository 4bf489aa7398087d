// @ts-check
// Why: where the page begins: the state, which view is shown, and when the receiver is asked again.

import { fetchGroups } from "./api.js";
import { COLORINGS } from "./colors.js";
import { byId, h } from "./dom.js";
import { makeGroups } from "./groups.js";
import { makeGroupView } from "./group_view.js";
import { listenForKeys, showHelp } from "./help.js";
import { readState, writeState } from "./state.js";
import { clearLens } from "./transform.js";
import { onThemeChange, toggleTheme } from "./theme.js";
import { hideTooltip } from "./tooltip.js";

const POLL_MS = 2500, HOUR_MS = 3600e3;
/** What the receiver is asked by. @type {(keyof import("./state.js").State)[]} */
const DATA = ["group", "range", "startMs", "endMs", "threads", "filters", "base"];

/** @typedef {import("./state.js").State} State */
let state = readState();
/** @type {import("./api.js").Group[]} */
let groups = [];
/** @type {import("./downloads.js").Format[]} */
let formats = [];
let timer = 0;
/** @type {AbortController | null} */
let asking = null;

const groupsView = makeGroups((name) => openGroup(name, true));
let view = newGroupView();

function newGroupView() {
    return makeGroupView({
        get: () => state,
        change,
        reload: refresh,
        groups: () => groups,
        formats: () => formats,
    });
}

/** @param {Partial<State>} changes */
function needsData(changes) {
    return DATA.some((key) => key in changes);
}

/** @param {Partial<State>} changes @param {boolean} [isStep] */
function change(changes, isStep = false) {
    state = { ...state, ...changes };
    writeState(state, isStep);
    if (needsData(changes) || changes.live === true)
        refresh();
    if (state.group !== null)
        view.update(state, changes);
}

/** @param {string} name @param {boolean} isStep */
function openGroup(name, isStep) {
    view = newGroupView();
    state = { ...state, group: name, list: false, range: "", threads: "", filters: [], base: null, lens: clearLens(), view: "graph", zoom: [], query: "", selected: null };
    chooseRange();
    writeState(state, isStep);
    showView();
    refresh();
}

/** A group that is alive is shown as it was in the last hour; one that is not, as a whole. */
function chooseRange() {
    const group = groups.find((g) => g.name === state.group);
    if (state.range === "")
        state.range = group !== undefined && Date.now() - group.lastEndMs < HOUR_MS ? "1h" : "all";
    if (state.base !== null && state.base.range === "")
        state.base = { ...state.base, range: "all" };
}

function showView() {
    const main = byId("main"), where = byId("where");
    hideTooltip();
    main.replaceChildren(state.group === null ? groupsView.element : view.element);
    byId("skip").hidden = state.group === null;
    document.title = state.group === null ? "Pando" : `${state.group} · Pando`;
    where.replaceChildren(h("a", { href: "#list=1", title: "List of groups (g)" }, "Groups"),
        ...(state.group === null ? [] : [h("span", { "aria-hidden": "true" }, "›"), h("b", {}, state.group)]));
}

/** @param {string} text @param {"" | "error" | "busy"} kind */
function say(text, kind = "") {
    const status = byId("status");
    if (status.textContent !== text)
        status.textContent = text;
    status.dataset.kind = kind;
}

async function load() {
    asking?.abort();
    const mine = (asking = new AbortController());
    const began = performance.now();
    try {
        const known = await fetchGroups();
        groups = known.groups;
        formats = known.formats ?? [];
        if (mine.signal.aborted)
            return;
        if (state.group === null && !state.list && groups.length === 1) {
            openGroup(groups[0].name, false); // with one group there is nothing to choose
            return;
        }
        if (state.group === null) {
            groupsView.show(groups);
        } else {
            chooseRange();
            await view.load(state, mine.signal);
        }
        say("");
    } catch (error) {
        if (mine.signal.aborted)
            return;
        const failure = /** @type {any} */ (error);
        say(failure.message ?? String(error), "error");
        if (failure.status === undefined)
            console.error(error);
    }
    // A sum that takes long is asked for less often.
    if (!mine.signal.aborted)
        plan(Math.max(POLL_MS, 4 * (performance.now() - began)));
}

/** @param {number} ms */
function plan(ms) {
    clearTimeout(timer);
    if (state.live || state.group === null)
        timer = setTimeout(() => (document.hidden ? plan(ms) : load()), ms);
}

function refresh() {
    clearTimeout(timer);
    load();
}

function onHistory() {
    const before = state;
    state = readState();
    if (state.group !== before.group) {
        if (state.group !== null)
            view = newGroupView();
        showView();
        refresh();
    } else if (state.group === null || JSON.stringify(DATA.map((key) => state[key])) !== JSON.stringify(DATA.map((key) => before[key]))) {
        refresh();
    }
    if (state.group !== null) {
        chooseRange();
        view.update(state, JSON.stringify(state.lens) !== JSON.stringify(before.lens) ? state : { zoom: state.zoom, flipped: state.flipped });
    }
}

function nextColoring() {
    const keys = Object.keys(COLORINGS);
    change({ coloring: keys[(keys.indexOf(state.coloring) + 1) % keys.length] });
}

const range = (/** @type {string} */ key) => () => state.group !== null && change({ range: key }, true);
const inGroup = (/** @type {() => void} */ action) => () => state.group !== null && action();
listenForKeys({
    "/": inGroup(() => view.focusSearch()),
    "Escape": inGroup(() => view.stepBack()),
    "Backspace": inGroup(() => view.zoomOut()),
    "0": inGroup(() => view.zoomReset()),
    "i": inGroup(() => change({ flipped: !state.flipped })),
    "s": inGroup(() => change({ view: state.view === "sandwich" ? "graph" : "sandwich" }, true)),
    "o": inGroup(() => change({ view: state.view === "source" ? "graph" : "source" }, true)),
    "n": inGroup(() => change({ full: !state.full })),
    "k": inGroup(nextColoring),
    "r": inGroup(() => change({ lens: { ...state.lens, recursion: !state.lens.recursion }, zoom: [] }, true)),
    "w": inGroup(() => view.openLens()),
    "c": inGroup(() => view.toggleCompare()),
    "l": inGroup(() => change({ live: !state.live })),
    "1": range("1m"), "2": range("5m"), "3": range("15m"), "4": range("1h"), "5": range("all"),
    "t": toggleTheme,
    "g": () => (location.hash = "#list=1"),
    "?": showHelp,
});
byId("theme").addEventListener("click", toggleTheme);
byId("help").addEventListener("click", showHelp);
byId("brand").addEventListener("click", (/** @type {Event} */ event) => {
    event.preventDefault();
    location.hash = "#list=1";
});
window.addEventListener("popstate", onHistory);
document.addEventListener("visibilitychange", () => !document.hidden && (state.live || state.group === null) && refresh());
onThemeChange(() => view.recolor());
showView();
load();
