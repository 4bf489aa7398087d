// @ts-check
// Why: what is looked at, for other tools: a file in each format that the receiver has, and speedscope beside it.

import { groupPath, queryOf } from "./api.js";
import { h } from "./dom.js";
import { makePopover } from "./popover.js";

/** @typedef {{name: string, suffix: string}} Format */
/** @type {Record<string, string>} */
const ABOUT = {
    pprof: "go tool pprof, Pyroscope, Parca, Perfetto", folded: "one stack a line: FlameGraph, Firefox Profiler, grep", speedscope: "speedscope.app",
    markdown: "a table for an issue or a chat", html: "one page that needs nothing else", json: "all numbers",
};

/** @param {() => import("./state.js").State} get @param {() => Format[]} formats */
export function makeDownloads(get, formats) {
    const list = h("div.downloads");
    const pathOf = (/** @type {string} */ format) => {
        const query = queryOf(get());
        query.set("format", format);
        return groupPath(get(), "profile") + "?" + query;
    };
    const open = h("a.plain", { target: "_blank", rel: "noopener" }, "Open in speedscope");
    const popover = makePopover("Download", "Download the profile", [list, open, h("p.quiet", {}, "The chosen time, filters and state; lens and comparison are not in it.")], fill);

    function fill() {
        const known = formats(), state = get();
        list.replaceChildren(...known.flatMap(({ name, suffix }) => [h("a", { href: pathOf(name), download: state.group + suffix }, name), h("span.quiet", {}, ABOUT[name] ?? suffix)]));
        const url = new URL(pathOf("speedscope"), location.href).href;
        open.setAttribute("href", "speedscope/index.html#" + new URLSearchParams({ profileURL: url, title: state.group ?? "" }));
        open.hidden = !known.some(({ name }) => name === "speedscope");
    }
    return popover;
}
