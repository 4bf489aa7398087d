// @ts-check
// Why: the first thing to see: which groups there are, or how to get one.

import { h } from "./dom.js";
import { ago, count, moment, whole } from "./format.js";

/** @typedef {import("./api.js").Group} Group */

function emptyState() {
    return h("div.empty-state", {},
        h("h1", {}, "No profiles yet"),
        h("p", {}, "Run a program under Pando, and its call tree appears here:"),
        h("pre", {}, h("code", {}, `pando run --url ${location.origin} -- ./program`)),
        h("p", {}, "or let any process send here, without changing how it is started:"),
        h("pre", {}, h("code", {}, `LD_PRELOAD=/path/to/libpando.so PANDO_URL=${location.origin} PANDO_GROUP=my-service ./program`)),
        h("h2", {}, "If one is running and nothing comes"),
        h("ul", {},
            h("li", {}, "The first profile is sent after the first interval (3 seconds under pando run), and only when CPU time was used: a program that waits has nothing to show."),
            h("li", {}, "Statically linked and setuid programs ignore LD_PRELOAD."),
            h("li", {}, "PANDO_LOG=stderr (or pando run --log FILE) makes the profiler say what it does.")),
        h("p.quiet", {}, "This page looks again every few seconds."));
}

/** @param {(name: string) => void} onChoose */
export function makeGroups(onChoose) {
    const element = h("div.groups");
    let isEmpty = false;
    return {
        element,
        /** @param {Group[]} groups */
        show(groups) {
            if (groups.length === 0) {
                if (!isEmpty)
                    element.replaceChildren(emptyState());
                isEmpty = true;
                return;
            }
            isEmpty = false;
            const rows = [...groups].sort((a, b) => b.lastEndMs - a.lastEndMs).map((group) => h("tr", { onclick: () => onChoose(group.name) },
                h("td.name", {}, h("a", { href: "#g=" + encodeURIComponent(group.name), onclick: (/** @type {Event} */ event) => event.preventDefault() }, group.name)),
                h("td", { title: moment(group.lastEndMs) }, ago(group.lastEndMs)),
                h("td", {}, moment(group.firstStartMs)),
                h("td.number", {}, whole(group.profiles)),
                h("td.number", {}, whole(group.samples))));
            element.replaceChildren(h("h1", {}, "Profiling groups"), h("p.quiet", {}, count(groups.length, "group", "groups") + ", the latest first"),
                h("div.scroll", {}, h("table.list", {}, h("thead", {}, h("tr", {}, h("th", {}, "Group"), h("th", {}, "Last profile"), h("th", {}, "First"),
                    h("th.number", {}, "Profiles"), h("th.number", {}, "Samples"))), h("tbody", {}, ...rows))));
        },
    };
}
