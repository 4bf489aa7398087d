// @ts-check
// Why: how far these numbers can be trusted: how many samples they rest on, what was lost and why, what the profiler itself
// took. Said on the same page, not in a log.

import { h } from "./dom.js";
import { cores, count, moment, percent, seconds, span, visibleShort, whole, words } from "./format.js";
import { makePopover } from "./popover.js";

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
    framesWithoutLines: "lines not looked up: budget or limit",
    samplesNotDue: "wall time only: signals that found nothing to tell; nothing is lost",
    wallSamples: "of wall time, without a signal of their own",
    wallMoved: "threads that woke while their stack was copied; counted as running",
    wallNoState: "looks at which the kernel did not tell what a thread does",
    threadsBlockSigprof: "they block SIGPROF, and Pando was attached while they ran",
    threadsSmallAltstack: "their signal stack is too small to take a sample on",
};

/** @param {any} meta the API's answer */
function countersOf(meta) {
    const all = Object.entries(meta.counters).filter(([, value]) => value > 0);
    const lossOf = (/** @type {string} */ name) => LOSSES.find(([pattern]) => pattern.test(name))?.[1] ?? null;
    return all.map(([name, value]) => ({ name, value, loss: lossOf(name) }))
        .sort((x, y) => Number(y.loss !== null) - Number(x.loss !== null) || y.value - x.value);
}

/** Self time of code that has no name. @param {import("./tree.js").Tree} tree */
function unnamedNs(tree) {
    let sum = 0;
    for (let i = 1; i < tree.frames.length; i++)
        if (/^\[.+\+0x[0-9a-f]+\]$/.test(tree.frames[i].name))
            sum += tree.frameSelf[i];
    return sum;
}

export function makeTrust() {
    const element = h("section.trust", { "aria-label": "How far to trust this" });
    const fact = (/** @type {string} */ label, /** @type {string} */ value, /** @type {string | Node} */ note = "", title = "", kind = "") =>
        h("div.fact" + kind, { title: title || null }, h("span.label", {}, label), h("span.value", {}, value), note instanceof Node ? note : note ? h("span.note", {}, note) : null);
    const counterList = h("dl.counters"), popover = makePopover("", "All that was counted", [counterList]);

    /** @param {ReturnType<typeof countersOf>} counters @param {any} m */
    function fillCounters(counters, m) {
        const about = [["agent", [m.agentType, m.agentVersion].filter(Boolean).join(" ")], ["runtime", m.runtimeVersion ?? ""]];
        counterList.replaceChildren(...counters.flatMap(({ name, value, loss }) => {
            const meaning = Object.hasOwn(MEANINGS, name) ? MEANINGS[name] : null;
            return [h("dt" + (loss ? ".loss" : ""), {}, words(name), meaning !== null ? h("small", {}, meaning) : null), h("dd", {}, whole(value))];
        }), ...about.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, visibleShort(value))]));
    }

    return {
        element,
        /** @param {import("./tree.js").Tree} tree */
        show(tree) {
            const m = tree.meta, counters = countersOf(m), isWall = m.clock === "wall";
            const sumOf = (/** @type {string} */ loss) => counters.reduce((sum, c) => sum + (c.loss === loss ? c.value : 0), 0);
            const lost = sumOf("samples lost"), cut = sumOf("stacks not whole"), unnamed = unnamedNs(tree);
            const others = LOSSES.slice(2).map(([, loss]) => [sumOf(loss), loss]).filter(([n]) => Number(n) > 0).map(([n, loss]) => loss + ": " + whole(Number(n)));
            const who = [m.processName, m.hostName && "on " + m.hostName].filter(Boolean).map(visibleShort).join(" ");
            fillCounters(counters, m);
            popover.button.textContent = others.length > 0 ? others.join(" · ") : "by reason";
            element.replaceChildren(
                fact(isWall ? "Wall time sampled" : "CPU time sampled", seconds(m.totalNs),
                    [cores(m.totalNs, m), m.cpuTimeNs > 0 && !isWall && m.wholeNs === undefined ? percent(m.totalNs, m.cpuTimeNs) + " of the process’s " + seconds(m.cpuTimeNs) : ""].filter(Boolean).join(" · "),
                    "What the samples stand for, beside what the kernel says the process used"),
                fact("Samples", whole(m.samples), "in " + count(m.profiles, "profile", "profiles") +
                    (m.totalNs > 0 && !isWall ? " · " + whole(Math.round(m.samples / m.totalNs * 1e9)) + "/s of CPU time" : "")),
                fact("Time", span(m.endMs - m.startMs), moment(m.startMs) + " – " + moment(m.endMs), who),
                fact("Cut stacks", whole(cut), "", "Stacks that could not be read to their end, or were deeper than the limit", cut > 0 ? ".warn" : ""),
                fact("Without a name", percent(unnamed, tree.total[0]), "", "Self time of code that no symbol covers"),
                fact("Profiler’s own CPU", seconds(m.overheadNs), m.cpuTimeNs > 0 ? percent(m.overheadNs, m.cpuTimeNs) : "", "Of its own threads and in its handler; the share is of the process’s CPU time"),
                fact("Samples lost", whole(lost), popover.element, "", lost > 0 ? ".warn" : ""));
        },
    };
}
