// Why: what a browser test needs around it: a receiver of its own, bodies to post, Chromium, and a note of everything that a page
// may not do (errors on the console, requests to anywhere else).
import crypto from "node:crypto";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const CHROMIUM = process.env.PANDO_CHROMIUM ?? "/usr/bin/chromium";
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-component-update",
    "--disable-sync", "--disable-quic"];
export const DEADLINE_MS = 60000;

let failed = 0;

export function check(what, good, detail = "") {
    failed += good ? 0 : 1;
    console.log((good ? "ok   " : "FAIL ") + what + (good ? "" : ": " + detail));
}

export function equal(what, got, wanted) {
    const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
    check(what, a === b, `${a} is not ${b}`);
}

export function failures() {
    return failed;
}

/** Until `condition` resolves to something true, which is returned. */
export async function until(what, condition) {
    const end = Date.now() + DEADLINE_MS;
    for (;;) {
        const result = await condition();
        if (result)
            return result;
        if (Date.now() > end)
            throw new Error(`${what} did not happen in ${DEADLINE_MS / 1000} s`);
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}

/** @param {string} pando @param {string[]} options */
export async function startReceiver(pando, ...options) {
    const folder = mkdtempSync(join(tmpdir(), "pando-page-"));
    const child = spawn(pando, ["serve", "--listen", "127.0.0.1:0", "--store", join(folder, "store.sqlite"), ...options], { stdio: ["ignore", "pipe", "inherit"] });
    const url = await new Promise((resolve, reject) => {
        createInterface(child.stdout).once("line", (line) => resolve(/http:\/\/[^ ]*[0-9]/.exec(line)[0]));
        child.once("exit", (code) => reject(new Error(`the receiver ended with ${code}`)));
    });
    let expected = false;
    child.once("exit", (code, signal) => expected || console.log(`the receiver ended: ${code ?? signal}`));
    return {
        url,
        async stop() {
            expected = true;
            const ended = new Promise((resolve) => child.once("exit", resolve));
            child.kill("SIGTERM");
            await ended;
        },
        clean: () => rmSync(folder, { recursive: true }),
        async post(group, callgraph, { startMs = Date.now() - 3000, endMs = Date.now(), debugInfo = {}, extension = null } = {}) {
            const body = `{"start":${startMs},"end":${endMs},"agentMetadata":{"sampleWeights":{"WALL_TIME":100},"durationInMs":3000,`
                + `"agentInfo":{"type":"Pando","version":"0.1.0"},"agentOverhead":{"memoryInMB":1,"timeInMs":20},"runtimeVersion":"glibc",`
                + `"cpuTimeInSeconds":2.0,"numTimesSampled":100},"callgraph":${typeof callgraph === "string" ? callgraph : JSON.stringify(callgraph)},`
                + `"debugInfo":${JSON.stringify(debugInfo)}${extension ? `,"pando":${JSON.stringify(extension)}` : ""}}`;
            const answer = await fetch(`${url}/profilingGroups/${group}/agentProfile?profileToken=${crypto.randomUUID()}`,
                { method: "POST", headers: { "Content-Type": "application/json" }, body });
            if (answer.status !== 204)
                throw new Error(`${answer.status} ${await answer.text()}`);
        },
    };
}

/** Chromium with one page that is watched: everything it may not do is in `sins`. */
export async function openBrowser(url) {
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
    const page = await context.newPage();
    const sins = [];
    page.setDefaultTimeout(DEADLINE_MS);
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && sins.push("console: " + message.text()));
    page.on("pageerror", (error) => sins.push("error: " + error.message));
    page.on("dialog", (dialog) => (sins.push("dialog: " + dialog.message()), dialog.dismiss()));
    context.on("request", (request) => !request.url().startsWith(url + "/") && !request.url().startsWith("data:") && sins.push("request: " + request.url()));
    context.on("page", (other) => other !== page && sins.push("another page: " + other.url()));
    return { browser, page, sins };
}

/**
 * The whole of a test: what goes wrong in `scenarios` is shown, with a picture if PANDO_SCREENSHOT names a file; at its end nothing that a
 * page may not do may have been seen. Closes the browser; tells whether the scenarios ran to their end.
 * @param {Awaited<ReturnType<typeof openBrowser>>} opened @param {() => Promise<void>} scenarios
 */
export async function perform({ browser, page, sins }, scenarios) {
    let crash = null;
    try {
        await scenarios();
    } catch (error) {
        crash = error;
        console.log(error);
        await page.screenshot({ path: process.env.PANDO_SCREENSHOT ?? "/dev/null", type: "png" }).catch(() => {});
    }
    check("ran to the end", crash === null);
    equal("no error on the console, no dialog, no request to anywhere else", sins, []);
    await browser.close();
    return crash === null;
}
