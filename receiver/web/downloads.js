// @ts-check
// Why: what is looked at, for other tools: a file in each format that the receiver has, and speedscope beside it. What only the page knows,
// a lens and a comparison, it sends to the receiver and gets back as a file.

import { fetchFile, fetchTree, groupPath, queryOf } from "./api.js";
import { h } from "./dom.js";
import { makePopover } from "./popover.js";
import { hashOf } from "./state.js";
import { columnsOf, framesFor } from "./tree.js";
import { clearLens, isClear, transform } from "./transform.js";

/** @typedef {{name: string, suffix: string}} Format */
/** @typedef {import("./state.js").Selection} Selection */
/** @type {Record<string, string>} */
const ABOUT = {
    pprof: "go tool pprof, Pyroscope, Parca, Perfetto", folded: "one stack a line: FlameGraph, Firefox Profiler, grep", speedscope: "speedscope.app",
    markdown: "a table for an issue or a chat", html: "one page that needs nothing else", json: "all numbers", otlp: "OpenTelemetry profiles",
};
/** Of two profiles: what each format has of them. @type {Record<string, string>} */
const COMPARED = {
    markdown: "a table of what changed", folded: "stacks with two numbers: flamegraph.pl, difffolded", html: "this comparison, as one page", json: "every function, with its noise",
};

/** The tree of an answer as the lens leaves it, in the form of an answer. @param {any} body @param {import("./transform.js").Lens} lens */
function through(body, lens) {
    const columns = transform(columnsOf(body), lens), selfNs = Array.from(columns.self), totalNs = selfNs.reduce((sum, ns) => sum + ns, 0);
    const perSample = nsPerSample(body);
    return { ...body, totalNs, samples: perSample > 0 ? Math.round(totalNs / perSample) : body.samples, frames: framesFor(columns.frames),
        nodes: { parent: Array.from(columns.parent), frame: Array.from(columns.frame), selfNs } };
}

/** @param {any} body */
const nsPerSample = (body) => (body.samples > 0 ? (body.wholeNs ?? body.totalNs) / body.samples : 0);

/** @param {{get: () => import("./state.js").State, formats: () => Format[], bodies: () => {main: any, base: any}}} app bodies: the answers that are shown */
export function makeDownloads({ get, formats, bodies }) {
    const list = h("div.downloads"), problem = h("p.warning", { role: "status" }), note = h("p.quiet");
    const isLensed = h("input", { type: "checkbox", id: "download-lens", onchange: fill });
    const lensed = h("p", {}, isLensed, h("label", { for: "download-lens" }, " As the lens shows it"));
    const open = h("a.plain", { target: "_blank", rel: "noopener" }, "Open in speedscope");
    const popover = makePopover("Download", "Download the profile", [list, open, lensed, note, problem], () => {
        isLensed.checked = true;
        fill();
    });
    const pathOf = (/** @type {string} */ format, what = "profile") => {
        const query = queryOf(get());
        query.set("format", format);
        return groupPath(get(), what) + "?" + query;
    };
    const usesLens = () => !isClear(get().lens) && isLensed.checked;

    /** A file of what is shown. @param {string} format */
    async function make(format) {
        const state = get(), lens = usesLens() ? state.lens : null, { main, base } = bodies();
        /** @type {any} */
        const body = { title: state.group, view: "" };
        if (format === "html") { // it has the page's lens in it, so it can be taken off
            const view = new URLSearchParams(hashOf(lens === null ? { ...state, lens: clearLens() } : state).slice(1));
            for (const key of ["g", "r", "from", "to", "th", "vs", "host", "process", "thread", "label", "live"])
                view.delete(key);
            body.view = view.toString();
            body.trees = state.base === null ? [main] : [main, base];
        } else if (state.base !== null) {
            const side = (/** @type {any} */ of) => (lens === null ? of : through(of, lens));
            Object.assign(body, { trees: [side(main), side(base)], baseTitle: titleOf(state.base), title: titleOf(state), clock: main.clock === "wall" ? "wall time" : "CPU time",
                nsPerSample: nsPerSample(main), baseNsPerSample: nsPerSample(base) });
        } else if (format === "json") {
            return new Blob([JSON.stringify(through(main, state.lens))], { type: "application/json" });
        } else { // threads, labels and states stay what they are: encoders have a place for them
            const raw = (await fetchTree({ ...state, threads: "raw" }, null))?.body;
            Object.assign(body, { trees: [through(raw, state.lens)], nsPerSample: nsPerSample(raw) });
        }
        return fetchFile(pathOf(format), body);
    }

    /** @param {string} format @param {(url: string) => void} use */
    async function makeThen(format, use) {
        problem.textContent = "";
        try {
            const url = URL.createObjectURL(await make(format));
            use(url);
            setTimeout(() => URL.revokeObjectURL(url), 600e3);
        } catch (error) {
            problem.textContent = /** @type {Error} */ (error).message;
        }
    }

    /** @param {string} url @param {string} name */
    function save(url, name) {
        const link = h("a", { href: url, download: name, hidden: true });
        document.body.append(link);
        link.click();
        link.remove();
    }

    function fill() {
        const state = get(), isDiff = state.base !== null, isMade = isDiff || usesLens();
        const known = [...formats(), { name: "json", suffix: ".json" }].filter(({ name }) => !isDiff || Object.hasOwn(COMPARED, name));
        const file = (/** @type {string} */ suffix) => state.group + (isDiff ? "-diff" : "") + suffix;
        const plain = (/** @type {string} */ name) => (name === "json" ? pathOf(name, "tree") : pathOf(name));
        list.replaceChildren(...known.flatMap((format) => [
            h("a", isMade ? { href: "#", onclick: (/** @type {Event} */ event) => {
                event.preventDefault();
                makeThen(format.name, (url) => save(url, file(format.suffix)));
            } } : { href: plain(format.name), download: file(format.suffix) }, format.name),
            h("span.quiet", {}, (isDiff ? COMPARED : ABOUT)[format.name] ?? format.suffix)]));
        lensed.hidden = isClear(state.lens);
        problem.textContent = "";
        note.textContent = isDiff ? "Before is what it is compared with; its stacks are brought to the same total." : "The chosen time, filters and state.";
        const title = state.group ?? "", viewer = (/** @type {string} */ url) => "speedscope/index.html#" + new URLSearchParams({ profileURL: url, title });
        open.setAttribute("href", isMade ? "#" : viewer(new URL(pathOf("speedscope"), location.href).href));
        open.onclick = !isMade ? null : (/** @type {Event} */ event) => {
            event.preventDefault();
            const other = window.open("about:blank"); // at once: later it would be a pop-up
            makeThen("speedscope", (url) => other !== null && (other.location.href = new URL(viewer(url), location.href).href));
        };
        open.hidden = isDiff || !known.some(({ name }) => name === "speedscope");
    }

    return popover;
}

/** @param {Selection} selection */
function titleOf({ group, range, startMs, endMs, filters }) {
    const time = range === "custom" ? ` ${new Date(startMs ?? 0).toISOString()}..${endMs === null ? "" : new Date(endMs).toISOString()}` : "";
    return `${group}${time}${filters.map(([kind, value]) => ` ${kind}=${value}`).join("")}`;
}
