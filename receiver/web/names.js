// @ts-check
// Why: names of C++, Rust and Go are long; what tells them apart is short. Pure: from a name to what may be shown of it, and to
// the package that it belongs to.

/** @type {Map<string, string>} */
const known = new Map();
const KNOWN_MAX = 200000;

/** Where a name's list of parameters begins: the "(" of its last pair, if only qualifiers follow. @param {string} name */
function parametersAt(name) {
    const end = /\)(?: const| volatile|&|&&| noexcept)*(?: \[clone [^\]]*\])*$/.exec(name);
    if (end === null)
        return -1;
    let depth = 0;
    for (let i = end.index; i >= 0; i--) {
        if (name[i] === ")")
            depth++;
        else if (name[i] === "(" && --depth === 0)
            return i;
    }
    return -1;
}

/** Removes what is between < and >, where these are brackets. @param {string} name */
function withoutArguments(name) {
    let out = "", depth = 0;
    for (let i = 0; i < name.length; i++) {
        const c = name[i];
        if (depth === 0 && /operator$/.test(out.slice(-8)) && /[<>=!-]/.test(c)) {
            while (i < name.length && /[<>=!-]/.test(name[i]))
                out += name[i++];
            i--;
        } else if (c === "<" && (depth > 0 || out !== "" && !/[\s:]$/.test(out))) {
            depth++;
        } else if (c === ">" && depth > 0 && name[i - 1] !== "-") {
            depth--;
        } else if (depth === 0) {
            out += c;
        }
    }
    return depth === 0 ? out : name;
}

/** The name without parameters, template arguments and all but the last two parts of its path. @param {string} name */
function shorten(name) {
    if (name === "" || /^[[<]/.test(name)) // "[object+0xoffset]", "<Truncated>", "<T as Trait>::f"
        return name;
    let text = name;
    const at = parametersAt(text);
    if (at > 0 && !/operator$/.test(text.slice(0, at)))
        text = text.slice(0, at);
    text = withoutArguments(text).replace(/::h[0-9a-f]{16}$/, "");
    if (text.includes("::")) {
        const parts = text.split("::");
        const first = /** @type {string} */ (parts[0].split(" ").pop()); // a return type goes with it
        text = (parts.length > 2 ? parts.slice(-2) : [first, ...parts.slice(1)]).join("::");
    } else if (/^[\w.-]+(\/[\w.@-]+)+\.[\w(]/.test(text)) { // Go: example.org/pkg/sub.Func
        text = text.slice(text.lastIndexOf("/") + 1);
    }
    return text === "" ? name : text;
}

/** @param {string} name */
export function shortName(name) {
    let short = known.get(name);
    if (short === undefined) {
        if (known.size > KNOWN_MAX)
            known.clear();
        known.set(name, (short = name.length > 4096 ? name : shorten(name)));
    }
    return short;
}

/** The namespace, crate or package of a function, or "". @param {string} name */
export function packageOf(name) {
    if (name === "" || /^[[<]/.test(name) || name.length > 4096)
        return "";
    const text = withoutArguments(name);
    const head = /^(?:[\w*&]+ )*((?:[\w$]+::)+)/.exec(text);
    if (head !== null)
        return head[1].split("::")[0];
    const go = /^((?:[\w.-]+\/)*[\w-]+)\.[\w(]/.exec(text);
    return go !== null && go[1].includes("/") ? go[1] : "";
}

/** Objects that come with the system rather than with the program, where only their names are known. */
const SYSTEM = new RegExp("^(?:ld-|ld-linux|\\[|lib(?:c|m|pthread|dl|rt|resolv|util|stdc\\+\\+|gcc_s|atomic|gomp|c\\+\\+|c\\+\\+abi|unwind|ssl|crypto|z|zstd|lzma|bz2|lz4"
    + "|curl|nghttp2|gnutls|nettle|gmp|mpfr|mpc|isl|sqlite3|xml2|glib-2|gobject-2|gio-2|pcre|pcre2-8|selinux|systemd|cap|tinfo|ncurses\\w*|readline"
    + "|jemalloc|tcalloc|tcmalloc\\w*|mimalloc|nss_\\w+|musl\\S*|icu\\w+|ffi|expat|uuid|elf|dw|pando\\S*)[-.\\d]*(?:\\.|$))");

/** Folders of what the distribution installed; what is under these is the machine's owner's. */
const SYSTEM_FOLDER = /^\/(?:usr\/)?(?:lib(?:32|64|x32|exec)?|bin|sbin)\//;

/** Whether an object came with the system. A path decides where the agent told it; only the program itself is always mine, wherever it
 * lies. @param {string} object @param {Map<string, string>} [paths] by object @param {string} [program] the process's name */
export function isSystem(object, paths, program) {
    if (object !== "" && object === program)
        return false;
    const path = paths?.get(object);
    return object === "" || SYSTEM.test(object) || path !== undefined && SYSTEM_FOLDER.test(path);
}

/** A test of objects, by what the receiver's answer tells of them. @param {any} meta @returns {(object: string) => boolean} */
export function systemTest(meta) {
    /** @type {Map<string, string>} */
    const paths = new Map((meta?.objects ?? []).map((/** @type {any} */ o) => [o.name, o.path ?? ""]));
    return (object) => isSystem(object, paths, meta?.processName);
}

/** Why a frame has no name of its own, and what would help; null: it has one. @param {{name: string, object: string}} frame */
export function whyUnnamed(frame) {
    if (/^\[.+\+0x[0-9a-f]+\]$/.test(frame.name))
        return `No symbol of ${frame.object} covers this address: the file is stripped. Its debug symbols (on Debian, the package with -dbgsym) or a build without “strip” give it a name.`;
    switch (frame.name) {
    case "<Truncated>":
        return "The stack was deeper than PANDO_DEPTH, or did not fit where it was kept: what lay between is left out.";
    case "<Incomplete>":
        return "The stack could not be read further out: there was no unwind information, or it led nowhere. Callers are missing.";
    case "<Unsampled>":
        return "Time that threads used after their last sample, told by the kernel’s clock when they ended.";
    case "<NamesLeftOut>":
        return "There were more different names than one profile may carry.";
    default:
        return frame.name === "" ? "The sender gave no name for this frame." : null;
    }
}
