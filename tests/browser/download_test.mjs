// What leaves the page: files in every format, the same as `pando report` writes, and speedscope from the receiver itself.
//
// Usage: node download_test.mjs PATH-OF-pando
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { check, equal, failures, openBrowser, perform, startReceiver, until } from "./browser.mjs";
import { drive } from "./drive.mjs";

const pando = process.argv[2];
const receiver = await startReceiver(pando);
const { browser, page, sins } = await openBrowser(receiver.url);
const { go, shown } = drive(page, receiver.url);
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

async function speedscope() {
    await go("#g=program&r=all&live=0");
    await shown("program");
    await page.getByRole("button", { name: "Download" }).click();
    const href = await page.getByRole("link", { name: "Open in speedscope" }).getAttribute("href");
    await page.goto(new URL(href, receiver.url + "/").href);
    await page.locator("canvas").first().waitFor();
    await until("the profile in speedscope", async () => (await page.title()).includes("program"));
    check("speedscope shows it", !(await page.locator("body").innerText()).includes("Something went wrong"), await page.locator("body").innerText());
    const refused = await page.evaluate(async () => (await fetch("/speedscope/../web/x")).status);
    equal("and nothing else is there", refused, 404);
}

await perform({ browser, page, sins }, async () => {
    execFileSync(pando, ["run", "--url", receiver.url, "--group", "program", "--rate", "1000", "--interval", "1", "--top", "0", "--",
        "gcc", "-O2", "-x", "c", "-c", "-o", "/dev/null", "-"], { input: Array.from({ length: 400 }, (_, i) => `int f${i}(int *x, int n) { int s = ${i}; for (int i = 0; i < n; i++) s += x[i] * ${i} ^ (s >> 3); return s; }`).join("\n"), stdio: ["pipe", "ignore", "pipe"] });
    await files();
    await filtered();
    await speedscope();
    sins.splice(0, sins.length, ...sins.filter((sin) => !/404|WebGL/.test(sin)));
});
await receiver.stop();
receiver.clean();
console.log(`${failures()} failed`);
process.exit(failures() === 0 ? 0 : 1);
