// @ts-check
// Why: the two requests that the page makes, with a sentence for each way they can fail.

export class ApiError extends Error {
    /** @param {number} status 0: no answer @param {string} message */
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}

/** @param {string} path @param {Record<string, string>} headers @param {AbortSignal} [signal] */
async function get(path, headers, signal) {
    let response;
    try {
        response = await fetch(path, { headers, signal, cache: "no-store" });
    } catch (error) {
        if (error instanceof DOMException && error.name === "AbortError")
            throw error;
        throw new ApiError(0, "The receiver does not answer. Is it still running?");
    }
    if (response.ok || response.status === 304)
        return response;
    let message = "The receiver answered with status " + response.status + ".";
    try {
        message = (await response.json()).message ?? message;
    } catch {
        // The status will do.
    }
    throw new ApiError(response.status, message);
}

/**
 * @typedef {{name: string, profiles: number, samples: number, firstStartMs: number, lastEndMs: number}} Group
 * @returns {Promise<Group[]>}
 */
export async function fetchGroups() {
    return (await (await get("/api/v1/groups", {})).json()).groups;
}

/**
 * The sum of a range (which may hold nothing: then body.profiles is 0); null when the tag says that it is the same as before.
 * @param {string} group @param {{startMs: number | null, endMs: number | null}} range @param {string} threadState "": the receiver's choice
 * @param {string | null} etag
 * @param {AbortSignal} [signal]
 * @returns {Promise<{etag: string | null, body: any} | null>}
 */
export async function fetchTree(group, range, threadState, etag, signal) {
    const query = new URLSearchParams({ empty: "allow" });
    if (range.startMs !== null)
        query.set("start", String(range.startMs));
    if (range.endMs !== null)
        query.set("end", String(range.endMs));
    if (threadState !== "")
        query.set("state", threadState);
    /** @type {Record<string, string>} */
    const headers = etag !== null ? { "If-None-Match": etag } : {};
    const response = await get(`/api/v1/groups/${encodeURIComponent(group)}/tree?${query}`, headers, signal);
    if (response.status === 304)
        return null;
    return { etag: response.headers.get("ETag"), body: await response.json() };
}
