// @ts-check
// Why: the requests that the page makes, with a sentence for each way they can fail. Paths are relative: the page may be served
// below a folder of a proxy.

import { rangeMs } from "./range.js";

export class ApiError extends Error {
    /** @param {number} status 0: no answer @param {string} message */
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}

/** @param {string} path @param {Record<string, string>} headers @param {AbortSignal} [signal] */
async function get(path, headers, signal) {
    return ask(path, { headers, signal });
}

/** @param {string} path @param {RequestInit} options */
async function ask(path, options) {
    let response;
    try {
        response = await fetch(path, { cache: "no-store", ...options });
    } catch (error) {
        if (error instanceof DOMException && error.name === "AbortError")
            throw error;
        throw new ApiError(0, "The receiver does not answer. Is it still running?");
    }
    if (response.ok || response.status === 304)
        return response;
    if (response.status === 401)
        throw new ApiError(401, "You are not logged in to this receiver, or no longer. Load the page anew to log in.");
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
 * @returns {Promise<{groups: Group[], formats: import("./downloads.js").Format[]}>}
 */
export async function fetchGroups() {
    return (await get("api/v1/groups", {})).json();
}

/** What a selection is in a request. @param {import("./state.js").Selection} selection */
export function queryOf(selection) {
    const query = new URLSearchParams(), { startMs, endMs } = rangeMs(selection);
    if (startMs !== null)
        query.set("start", String(startMs));
    if (endMs !== null)
        query.set("end", String(endMs));
    if (selection.threads !== "")
        query.set("state", selection.threads);
    for (const [kind, value] of selection.filters)
        query.append(kind, value);
    return query;
}

/** @param {import("./state.js").Selection} selection @param {string} what "tree" */
export function groupPath(selection, what) {
    return `api/v1/groups/${encodeURIComponent(selection.group ?? "")}/${what}`;
}

/**
 * The sum of a selection (which may hold nothing: then body.profiles is 0); null when the tag says that it is the same as before.
 * @param {import("./state.js").Selection} selection
 * @param {string | null} etag
 * @param {AbortSignal} [signal]
 * @returns {Promise<{etag: string | null, body: any} | null>}
 */
export async function fetchTree(selection, etag, signal) {
    const query = queryOf(selection);
    query.set("empty", "allow");
    /** @type {Record<string, string>} */
    const headers = etag !== null ? { "If-None-Match": etag } : {};
    const response = await get(groupPath(selection, "tree") + "?" + query, headers, signal);
    if (response.status === 304)
        return null;
    return { etag: response.headers.get("ETag"), body: await response.json() };
}

/** Any other answer in JSON. @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export async function fetchJson(path, signal) {
    return (await get(path, {}, signal)).json();
}

/** What the page has put together, as a file. @param {string} path @param {any} body @returns {Promise<Blob>} */
export async function fetchFile(path, body) {
    return (await ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).blob();
}
