// @ts-check
// Why: the choice of what threads were doing, where wall time was measured: CPU time, all their time, or one state of theirs.

import { h } from "./dom.js";
import { seconds } from "./format.js";

/** @type {Record<string, string>} */
export const THREADS = {
    CPU: "CPU time", all: "Wall time, all states", RUNNABLE: "running", BLOCKED: "waiting for a lock", NATIVE: "in the kernel (disk, memory)",
    WAITING: "waiting", TIMED_WAITING: "waiting with a limit, sleeping", IDLE: "idle",
};

/** @param {(change: Partial<import("./state.js").State>) => void} onChange */
export function makeThreadsPicker(onChange) {
    const element = /** @type {HTMLSelectElement} */ (h("select.threads", {
        "aria-label": "What threads were doing", title: "Which time is shown", onchange: () => onChange({ threads: element.value }),
    }));
    element.hidden = true;
    return {
        element,
        /**
         * Profiles without wall time have no states, and nothing to choose.
         * @param {Record<string, number> | undefined} states nanoseconds by state @param {"cpu" | "wall" | undefined} clock @param {string} chosen
         */
        show(states, clock, chosen) {
            element.hidden = states === undefined;
            if (states === undefined)
                return;
            const wall = Object.entries(states).reduce((sum, [key, ns]) => (key === "CPU" ? sum : sum + ns), 0);
            const totals = /** @type {Record<string, number>} */ ({ ...states, all: wall });
            const value = chosen !== "" ? chosen : clock === "cpu" ? "CPU" : "all";
            const keys = Object.keys(THREADS).filter((key) => totals[key] > 0 || key === value);
            element.replaceChildren(...keys.map((key) => h("option", { value: key }, `${key === "CPU" || key === "all" ? "" : key + ": "}${THREADS[key]} · ${seconds(totals[key] ?? 0)}`)));
            element.value = value;
        },
    };
}
