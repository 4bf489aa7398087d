// @ts-check
// Why: how far these numbers can be trusted: how many samples they rest on, what was lost and why, what the profiler itself
// took. Said on the same page, not in a log.

import { h } from "./dom.js";
import { count, moment, percent, seconds, span, visibleShort, whole, words } from "./format.js";

/** Counters that take something from the picture, by how they are called. @type {[RegExp, string][]} */
const LOSSES = [
    [/^samples(Dropped|Lost)/, "samples lost"],
    [/^stacks(?!Whole$|FinishedLate$)/, "stacks not whole"],
    [/^threads(No|TimerLimit|Small)/, "threads not sampled"],
    [/^posts(Rejected|GaveUp|QueueFull)$/, "profiles not sent"],
];

/** What the agent's shorter names mean. @type {Record<string, string>} */
const MEANINGS = {
    samplesDroppedRingFull: "the buffer between the program's threads and the profiler's was full",
    samplesDroppedRingBusy: "the buffer was in use by another thread",
    samplesDroppedStale: "the signal of a timer whose thread was ending",
    samplesDroppedStopped: "came after the profiler was stopped",
    samplesDroppedTreeFull: "the call tree had no room",
    samplesLost: "were in profiles that did not arrive",
    overruns: "timer expiries that the kernel put into a later signal; they are in the weights",
    samplesAtThreadEnd: "time that threads used after their last sample, shown as <Unsampled> below their first function",
    samplesLostAtThreadEnd: "such time, when the buffer was full",
    rateLowered: "times that fewer samples were taken, to stay below PANDO_BUDGET_PERCENT",
    rateRaised: "times that more were taken again",
    intervalsSkipped: "left out to stay below PANDO_BUDGET_PERCENT; they are in the weights",
    stacksNoRows: "code without unwind information",
    stacksNoRule: "an address that no unwind rule covers",
    stacksBadStack: "the stack could not be read further",
    stacksBadCode: "a return address that is in no code",
    stacksTooDeep: "deeper than the limit",
    stacksTruncated: "cut: no room for the rest",
    framesUnnamed: "shown as [object+offset]: no symbol",
    samplesNotDue: "wall time only: signals that found nothing to tell; nothing is lost",
    wallSamples: "of wall time, without a signal of their own",
    wallMoved: "threads that woke while their stack was copied; counted as running",
    wallNoState: "looks at which the kernel did not tell what a thread does",
    threadsSmallAltstack: "their signal stack is too small to take a sample on",
};

/** @param {any} meta the API's answer */
function countersOf(meta) {
    const all = Object.entries(meta.counters).filter(([, value]) => value > 0);
    const lossOf = (/** @type {string} */ name) => LOSSES.find(([pattern]) => pattern.test(name))?.[1] ?? null;
    return all.map(([name, value]) => ({ name, value, loss: lossOf(name) }))
        .sort((x, y) => Number(y.loss !== null) - Number(x.loss !== null) || y.value - x.value);
}

export function makeTrust() {
    const element = h("section.trust", { "aria-label": "How far to trust this" });
    const fact = (/** @type {string} */ label, /** @type {string} */ value, /** @type {string} */ note = "", title = "") =>
        h("div.fact", { title: title || null }, h("span.label", {}, label), h("span.value", {}, value), h("span.note", {}, note));
    let open = false;
    return {
        element,
        /** @param {import("./tree.js").Tree} tree */
        show(tree) {
            const m = tree.meta, counters = countersOf(m);
            const sumOf = (/** @type {string} */ loss) => counters.reduce((sum, c) => sum + (c.loss === loss ? c.value : 0), 0);
            const lost = sumOf("samples lost");
            const others = LOSSES.slice(1).map(([, loss]) => [sumOf(loss), loss]).filter(([n]) => Number(n) > 0).map(([n, loss]) => loss + ": " + whole(Number(n)));
            const summary = others.length > 0 ? others.join(" · ") : counters.length === 0 ? "nothing else was counted" : "all counters";
            const who = [m.processName, m.hostName && "on " + m.hostName].filter(Boolean).map(visibleShort).join(" ");
            const isWall = m.clock === "wall";
            const details = h("details", { open: open || null, ontoggle: (/** @type {any} */ event) => (open = event.target.open) },
                h("summary", {}, summary),
                h("dl", {}, ...counters.flatMap(({ name, value, loss }) => {
                    const meaning = Object.hasOwn(MEANINGS, name) ? MEANINGS[name] : null;
                    return [h("dt" + (loss ? ".loss" : ""), { title: meaning }, words(name)), h("dd", {}, whole(value))];
                }), ...[["agent", [m.agentType, m.agentVersion].filter(Boolean).join(" ")], ["runtime", m.runtimeVersion ?? ""]]
                        .filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, visibleShort(value))])));
            element.replaceChildren(
                fact(isWall ? "Wall time sampled" : "CPU time sampled", seconds(m.totalNs),
                    m.cpuTimeNs > 0 && !isWall ? percent(m.totalNs, m.cpuTimeNs) + " of the process’s " + seconds(m.cpuTimeNs) : "",
                    "What the samples stand for, beside what the kernel says the process used"),
                fact("Samples", whole(m.samples), "in " + count(m.profiles, "profile", "profiles") +
                    (m.totalNs > 0 ? " · " + whole(Math.round(m.samples / m.totalNs * 1e9)) + " a second of CPU time" : "")),
                fact("Time", span(m.endMs - m.startMs), moment(m.startMs) + " – " + moment(m.endMs), who),
                fact("Profiler’s own CPU", seconds(m.overheadNs), m.cpuTimeNs > 0 ? percent(m.overheadNs, m.cpuTimeNs) + " of the process’s" : ""),
                h("div.fact" + (lost > 0 ? ".warn" : ""), {}, h("span.label", {}, "Samples lost"), h("span.value", {}, whole(lost)), details));
        },
    };
}
