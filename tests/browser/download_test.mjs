// What leaves the page: files in every format, the same as `pando report` writes, and speedscope from the receiver itself.
//
// Usage: node download_test.mjs PATH-OF-pando
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { check, equal, failures, openBrowser, perform, startReceiver, until } from "./browser.mjs";
import { drive } from "./drive.mjs";
import { LENSES, stacksOf, tableOf } from "./oracle.mjs";

const pando = process.argv[2];
const receiver = await startReceiver(pando);
const { browser, page, sins } = await openBrowser(receiver.url);
const { go, shown } = drive(page, receiver.url);
const folder = mkdtempSync(join(tmpdir(), "pando-files-"));
const unpacked = (bytes) => (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes);

const treeIn = (bytes) => {
    const { totalNs, frames, nodes } = JSON.parse(/id="pando-data"[^>]*>([^<]*)</.exec(bytes.toString())[1]);
    return { totalNs, frames, nodes };
};

async function files() {
    await go("#g=program&r=all&live=0");
    await shown("program");
    await page.getByRole("button", { name: "Download" }).click();
    const names = await page.locator(".downloads a").allInnerTexts();
    check("there are formats", names.includes("pprof") && names.includes("folded") && names.includes("speedscope"), String(names));
    for (const name of names) {
        const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".downloads").getByRole("link", { name, exact: true }).click()]);
        const got = unpacked(readFileSync(await download.path()));
        if (name === "json") {
            equal("json: the tree is what pando report writes", stacksOf(JSON.parse(got)), stacksOf(report("--url", receiver.url, "--group", "program")));
            continue;
        }
        const wanted = unpacked(execFileSync(pando, ["report", "--url", receiver.url, "--group", "program", "--format", name], { maxBuffer: 1 << 28 }));
        if (name === "html") // what the report asked the receiver for knows less of hosts and counters
            equal("html: the tree is what pando report writes", treeIn(got), treeIn(wanted));
        else
            check(`${name}: the file is what pando report writes`, got.equals(wanted), `${got.length} and ${wanted.length} bytes`);
        check(`${name}: it has the group's name`, download.suggestedFilename().startsWith("program."), download.suggestedFilename());
    }
}

async function filtered() {
    await page.keyboard.press("Escape");
    await page.locator("select[data-kind=process]").selectOption("=cc1");
    await until("one process", async () => (await page.evaluate(() => location.hash)).includes("process=cc1"));
    await page.getByRole("button", { name: "Download" }).click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".downloads").getByRole("link", { name: "folded" }).click()]);
    const all = execFileSync(pando, ["report", "--url", receiver.url, "--group", "program", "--format", "folded"], { maxBuffer: 1 << 28 }).toString();
    const sum = (text) => text.trim().split("\n").reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
    const part = sum(readFileSync(await download.path()).toString());
    check("a filter is in the file", part > 0 && part < sum(all), `${part} of ${sum(all)}`);
}

const saved = async (name) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".downloads").getByRole("link", { name, exact: true }).click()]);
    const path = join(folder, download.suggestedFilename());
    await download.saveAs(path);
    return path;
};
const report = (...options) => JSON.parse(execFileSync(pando, ["report", "--format", "json", "--top", "0", ...options], { maxBuffer: 1 << 28 }));
const nsOf = (stacks) => stacks.reduce((sum, { ns }) => sum + ns, 0);
/** Stacks of names, each once. */
const folded = (stacks) => Object.fromEntries([...stacks.reduce((sums, { frames, ns }) => {
    const key = frames.map((frame) => frame.split("\0")[0].replaceAll(";", ":")).join(";");
    return sums.set(key, (sums.get(key) ?? 0) + ns);
}, new Map())].sort());

/** What the lens leaves is what the files have, worked out from the report stack by stack. */
async function lensed() {
    const all = stacksOf(report("--url", receiver.url, "--group", "program"));
    const heavy = [...tableOf(all)].filter(([key, { totalNs }]) => totalNs < 0.8 * nsOf(all) && key.split("\0")[0].length > 3).sort((a, b) => b[1].totalNs - a[1].totalNs)[0][0];
    const is = (key) => key.split("\0")[0] === heavy.split("\0")[0], wanted = LENSES.recursion(LENSES.from(all, is));
    await go("#g=program&r=all&live=0&rec=1&view=sandwich&" + new URLSearchParams({ sf: "=" + heavy.split("\0")[0] }));
    await shown("program");
    await page.getByRole("button", { name: "Download" }).click();
    const lines = readFileSync(await saved("folded"), "utf8").trim().split("\n").map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]);
    equal("folded: the stacks that the lens leaves", Object.fromEntries(lines.sort(([a], [b]) => (a < b ? -1 : 1))), folded(wanted));
    for (const name of ["pprof", "speedscope", "json", "markdown", "otlp"]) {
        const file = await saved(name);
        if (name === "markdown")
            check("markdown: of that time", readFileSync(file, "utf8").includes(`${(nsOf(wanted) / 1e9).toFixed(2)} s of CPU time`), readFileSync(file, "utf8").slice(0, 200));
        else if (name === "speedscope")
            equal("speedscope: of that time", JSON.parse(readFileSync(file)).profiles[0].weights.reduce((a, b) => a + b, 0), nsOf(wanted));
        else if (name !== "otlp")
            equal(`${name}: pando report reads it, with the same time`, report(file).totalNs, nsOf(wanted));
    }
    check("pprof: threads are still told apart", report(join(folder, "program.pb.gz"), "--thread", "cc1").totalNs > 0);
    const file = await saved("html");
    await page.getByLabel("As the lens shows it").uncheck();
    equal("without the lens: all of it", nsOf(stacksOf(report(await saved("json")))), nsOf(all));
    await page.goto("file://" + file);
    await shown("program");
    equal("html: it opens with the lens", await page.evaluate(() => Number(document.querySelector("main").dataset.totalNs)), nsOf(wanted));
    check("and the view", await page.locator(".sandwich").isVisible() && (await drive(page, receiver.url).chips()).length === 2);
    sins.splice(0, sins.length, ...sins.filter((sin) => !sin.startsWith("request: file://" + folder) && !sin.startsWith("request: blob:")));
}

async function compared() {
    await go("#g=program&r=all&live=0&vs=" + encodeURIComponent("g=other&r=all"));
    await shown("program");
    await page.getByRole("button", { name: "Download" }).click();
    equal("what a comparison can be", await page.locator(".downloads a").allInnerTexts(), ["folded", "markdown", "html", "json"]);
    const json = JSON.parse(readFileSync(await saved("json"), "utf8"));
    const wanted = JSON.parse(execFileSync(pando, ["diff", "--url", receiver.url, "--format", "json", "other", "program"], { maxBuffer: 1 << 28 }));
    equal("json: as pando diff", json.functions, wanted.functions);
    equal("and the sides", [json.a, json.b], [wanted.a, wanted.b]);
    const markdown = execFileSync(pando, ["diff", "--url", receiver.url, "--format", "markdown", "other", "program"]).toString();
    equal("markdown: as pando diff", readFileSync(await saved("markdown"), "utf8").trim(), markdown.trim());
    const lines = readFileSync(await saved("folded"), "utf8").trim().split("\n").map((line) => / (\d+) (\d+)$/.exec(line).slice(1).map(Number));
    const [a, b] = [0, 1].map((side) => lines.reduce((sum, line) => sum + line[side], 0));
    check("folded: both sides with the same total", b === wanted.b.totalNs && Math.abs(a - b) <= lines.length, `${a} ${b}`);
    const file = await saved("html");
    await page.goto("file://" + file);
    await shown("program");
    check("html: the comparison", await page.locator("table.compared tbody tr[data-frame]").count() > 3);
    check("and no control that would ask somebody", !(await page.locator(".compare select, .compare button").evaluateAll((list) => list.some((e) => e.checkVisibility()))));
    sins.splice(0, sins.length, ...sins.filter((sin) => !sin.startsWith("request: file://" + folder) && !sin.startsWith("request: blob:")));
}

/** What does not come from the page is refused with a sentence. */
async function bad() {
    const post = async (format, body) => {
        const answer = await fetch(`${receiver.url}/api/v1/groups/program/profile?format=${format}`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
        return [answer.status, answer.ok ? "" : (await answer.json()).message];
    };
    const tree = { frames: [{ name: "", object: "" }, { name: "</script>", object: "a" }], nodes: { parent: [0, 0], frame: [0, 1], selfNs: [0, 5] } };
    for (const [format, body] of [["folded", ""], ["folded", "[]"], ["folded", "{\"trees\":[]}"], ["folded", "{\"trees\":[1]}"], ["folded", "[".repeat(100000)],
        ["folded", JSON.stringify({ trees: [{ ...tree, nodes: { parent: [0, 7], frame: [0, 1], selfNs: [0, 5] } }] })], ["pprof", JSON.stringify({ trees: [tree, tree] })],
        ["json", JSON.stringify({ trees: [tree] })], ["nosuch", JSON.stringify({ trees: [tree] })]]) {
        const [status, message] = await post(format, body);
        check(`${format} ${body.slice(0, 40)}: ${message}`, status === 400 && message.endsWith("."), String(status));
    }
    const html = await fetch(`${receiver.url}/api/v1/groups/program/profile?format=html`, { method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ trees: [tree], view: "</script><script>alert(1)</script>" }) });
    check("a name ends no script", !(await html.text()).includes("</script><script>alert") && /^attachment/.test(html.headers.get("content-disposition")));
}

async function lensedSpeedscope() {
    await go("#g=program&r=all&live=0&rec=1");
    await shown("program");
    await page.getByRole("button", { name: "Download" }).click();
    const [other] = await Promise.all([page.context().waitForEvent("page"), page.getByRole("link", { name: "Open in speedscope" }).click()]);
    await until("the profile in speedscope", async () => (await other.title().catch(() => "")).includes("program"));
    check("speedscope shows what the lens shows", !(await other.locator("body").innerText()).includes("Something went wrong"));
    await other.close();
    sins.splice(0, sins.length, ...sins.filter((sin) => !sin.startsWith("request: blob:") && !sin.startsWith("another page: ") && !sin.startsWith("request: about:")));
}

async function speedscope() {
    await go("#g=program&r=all&live=0");
    await shown("program");
    await page.getByRole("button", { name: "Download" }).click();
    const href = await page.getByRole("link", { name: "Open in speedscope" }).getAttribute("href");
    await page.goto(new URL(href, receiver.url + "/").href);
    await page.locator("canvas").first().waitFor();
    await until("the profile in speedscope", async () => (await page.title().catch(() => "")).includes("program"));
    check("speedscope shows it", !(await page.locator("body").innerText()).includes("Something went wrong"), await page.locator("body").innerText());
    const refused = await page.evaluate(async () => (await fetch("/speedscope/../web/x")).status);
    equal("and nothing else is there", refused, 404);
}

await perform({ browser, page, sins }, async () => {
    for (const [group, level] of [["program", "-O2"], ["other", "-O0"]])
        execFileSync(pando, ["run", "--url", receiver.url, "--group", group, "--rate", "1000", "--interval", "1", "--top", "0", "--",
        "gcc", level, "-x", "c", "-c", "-o", "/dev/null", "-"], { input: Array.from({ length: 400 }, (_, i) => `int f${i}(int *x, int n) { int s = ${i}; for (int i = 0; i < n; i++) s += x[i] * ${i} ^ (s >> 3); return s; }`).join("\n"), stdio: ["pipe", "ignore", "pipe"] });
    await files();
    await filtered();
    await lensed();
    await compared();
    await bad();
    await lensedSpeedscope();
    await speedscope();
    sins.splice(0, sins.length, ...sins.filter((sin) => !/404|WebGL/.test(sin)));
});
await receiver.stop();
receiver.clean();
rmSync(folder, { recursive: true });
console.log(`${failures()} failed`);
process.exit(failures() === 0 ? 0 : 1);
