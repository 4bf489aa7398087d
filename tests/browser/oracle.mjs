// Why: what the page must show of a profile, worked out from `pando report`'s tree the long way: stack by stack, without any of the
// page's own code.

/** Every stack with its time: [{frames: [key...] outermost first, ns}]. A key is "name\0object". */
export function stacksOf(report) {
    const { frames, nodes } = report.tree ?? report;
    const key = frames.map((frame) => frame.name + "\0" + frame.object);
    const paths = [[]];
    const stacks = [];
    for (let i = 1; i < nodes.parent.length; i++) {
        paths[i] = [...paths[nodes.parent[i]], key[nodes.frame[i]]];
        if (nodes.selfNs[i] > 0)
            stacks.push({ frames: paths[i], ns: nodes.selfNs[i] });
    }
    return stacks;
}

/** Self and total by function: Map key -> {selfNs, totalNs}; recursion counts once. */
export function tableOf(stacks) {
    const table = new Map();
    const at = (key) => table.get(key) ?? table.set(key, { selfNs: 0, totalNs: 0 }).get(key);
    for (const { frames, ns } of stacks) {
        for (const key of new Set(frames))
            at(key).totalNs += ns;
        if (frames.length > 0)
            at(frames.at(-1)).selfNs += ns;
    }
    return table;
}

export const sumOf = (stacks) => stacks.reduce((sum, { ns }) => sum + ns, 0);

/** What each lens leaves of a list of stacks; `is` tells whether a key is meant. */
export const LENSES = {
    focus: (stacks, is) => stacks.filter(({ frames }) => frames.some(is)),
    drop: (stacks, is) => stacks.filter(({ frames }) => !frames.some(is)),
    from: (stacks, is) => stacks.filter(({ frames }) => frames.some(is)).map(({ frames, ns }) => ({ frames: frames.slice(frames.findIndex(is)), ns })),
    hide: (stacks, is) => stacks.map(({ frames, ns }) => ({ frames: frames.filter((key) => !is(key)), ns })),
    /** Of frames of one object that follow each other, the first stays. */
    fold: (stacks, object) => stacks.map(({ frames, ns }) => ({ frames: frames.filter((key, i) => !(key.endsWith("\0" + object) && i > 0 && frames[i - 1].endsWith("\0" + object))), ns })),
    /** A function that is there already is gone back to. */
    recursion: (stacks) => stacks.map(({ frames, ns }) => {
        const out = [];
        for (const key of frames) {
            const before = out.indexOf(key);
            out.splice(before >= 0 ? before : out.length);
            out.push(key);
        }
        return { frames: out, ns };
    }),
};

/** What calls a function and what it calls, by the outermost of it on each stack: two Maps key -> ns. */
export function aroundOf(stacks, which) {
    const callers = new Map(), callees = new Map();
    const add = (map, key, ns) => map.set(key, (map.get(key) ?? 0) + ns);
    for (const { frames, ns } of stacks) {
        const at = frames.indexOf(which);
        if (at < 0)
            continue;
        add(callers, at > 0 ? frames[at - 1] : "(outermost)\0", ns);
        for (const key of new Set(frames.filter((_, i) => i > 0 && frames[i - 1] === which && frames[i] !== which)))
            add(callees, key, ns);
    }
    return { callers, callees };
}
