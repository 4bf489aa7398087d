// @ts-check
// Why: in a file that `pando report -o FILE.html` or the page's download wrote there is no receiver: what the page asks for is answered from the file itself,
// and what is not in it is said to be missing. It runs before the page's modules (receiver/page_file.c puts it there).

(() => {
    const read = (/** @type {string} */ id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");
    const data = read("pando-data"), base = read("pando-base"), view = read("pando-view");
    if (base !== null && base.group === data.group)
        base.group += "_before";
    const ETAG = '"file"';

    /** @param {number} status @param {any} body */
    function answer(status, body) {
        return new Response(status === 304 ? null : JSON.stringify(body), { status, headers: { ETag: ETAG, "Content-Type": "application/json" } });
    }

    /** @param {string} what @param {URLSearchParams} query @param {any} headers */
    function respond(what, query, headers) {
        if (what === "groups")
            return answer(200, { version: "", groups: [] });
        if (what.endsWith("/source"))
            return answer(200, { reason: "This file holds the profile only, not the source." });
        const asks = ["start", "end", "state", "thread", "label", "host", "process"].filter((name) => query.has(name));
        if (!what.endsWith("/tree") || asks.length > 0)
            return answer(404, { message: "This file holds one sum, as it was when it was written: it cannot be divided. pando report and the receiver's page can." });
        return headers["If-None-Match"] === ETAG ? answer(304, null) : answer(200, base !== null && what === `groups/${base.group}/tree` ? base : data);
    }

    window.fetch = async (path, options) => {
        const url = new URL(String(path), "http://file.invalid/");
        return respond(url.pathname.replace(/^\/api\/v1\//, ""), url.searchParams, options?.headers ?? {});
    };

    // There is but this one group: a list of them would be empty.
    function stay() {
        if (!new URLSearchParams(location.hash.slice(1)).has("g"))
            history.replaceState(null, "", "#" + new URLSearchParams({ g: data.group, r: "all", live: "0", ...(base !== null && { vs: `g=${base.group}&r=all` }) }) + (view ? "&" + view : ""));
    }
    window.addEventListener("popstate", stay);
    stay();
})();
