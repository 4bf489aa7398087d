// When and who: the chart over time and what dragging on it chooses, filters by host, process, thread and label, and that all of it
// agrees with `pando report` and with what was sent.
//
// Usage: node time_test.mjs PATH-OF-pando
import { execFileSync } from "node:child_process";
import { check, equal, failures, openBrowser, perform, startReceiver, until } from "./browser.mjs";
import { drive } from "./drive.mjs";

const pando = process.argv[2];
const receiver = await startReceiver(pando);
const { browser, page, sins } = await openBrowser(receiver.url);
const { go, shown, rows, chips, hash } = drive(page, receiver.url);
const T0 = 1700000000000, MINUTE = 60000;
const totalNs = () => page.evaluate(() => Number(document.querySelector("main").dataset.totalNs));
const report = (group, ...options) => JSON.parse(execFileSync(pando, ["report", "--url", receiver.url, "--group", group, "--format", "json", "--top", "0", ...options], { maxBuffer: 1 << 28 }));

async function postHour() {
    for (let i = 0; i < 60; i++)
        await receiver.post("hour", { children: { "app:main": { counts: { WALL_TIME: 10 * (i + 1) }, children: { [`app:minute_${i}`]: { counts: { WALL_TIME: 100 } } } } } },
            { startMs: T0 + i * MINUTE, endMs: T0 + i * MINUTE + 50000, debugInfo: { processName: i % 3 ? "web" : "batch", hostName: i < 30 ? "one" : "two" } });
}

const box = () => page.locator(".timeline canvas").boundingBox();
async function drag(fromShare, toShare, modifier) {
    const { x, y, width } = await box();
    if (modifier)
        await page.keyboard.down(modifier);
    await page.mouse.move(x + width * fromShare, y + 20);
    await page.mouse.down();
    await page.mouse.move(x + width * (fromShare + toShare) / 2, y + 25);
    await page.mouse.move(x + width * toShare, y + 20);
    await page.mouse.up();
    if (modifier)
        await page.keyboard.up(modifier);
}
const settled = () => until("an answer", async () => (await page.locator(".group-view[aria-busy]").count()) === 0);

async function chart() {
    await go("#g=hour&r=all&live=0");
    await shown("hour");
    const all = report("hour");
    equal("all of the hour", await totalNs(), all.totalNs);
    equal("the chart has all of it", Number(await page.locator(".timeline").getAttribute("data-sum")), all.totalNs);
    const { x, y, width } = await box();
    await page.mouse.move(x + width * 0.5, y + 30);
    check("the tooltip tells cores and samples", /cores · .* samples/.test(await page.locator("#tooltip").innerText()), await page.locator("#tooltip").innerText());
    await drag(0.25, 0.5);
    await until("the zoom", async () => (await hash()).includes("r=custom"));
    await settled();
    const query = new URLSearchParams((await hash()).slice(1)), [from, to] = [query.get("from"), query.get("to")];
    check("what was dragged is what is asked for", Math.abs(from - (T0 + 15 * MINUTE)) < MINUTE && Math.abs(to - (T0 + 30 * MINUTE)) < MINUTE, `${from} ${to}`);
    const part = report("hour", "--start", from, "--end", to);
    await until("its sum", async () => (await totalNs()) === part.totalNs);
    check("which is a part", part.totalNs > 0 && part.totalNs < all.totalNs / 2);
    equal("the table as well", (await rows()).find(({ name }) => name === "main").totalNs, part.totalNs);
    await page.reload();
    await shown("hour");
    await until("the same from the URL", async () => (await totalNs()) === part.totalNs);
    await page.goBack();
    await until("back", async () => (await totalNs()) === all.totalNs);
    await drag(0.75, 1.0);
    await until("the last quarter", async () => (await hash()).includes("r=custom"));
    await settled();
    const before = await hash();
    await drag(0.05, 0.3, "Shift");
    await page.locator("table.compared tbody tr[data-frame]").first().waitFor();
    check("Shift and dragging compares", (await hash()).includes("vs=") && (await hash()).startsWith(before.split("&live")[0]), await hash());
    await page.getByRole("button", { name: "Just before" }).click();
    await settled();
    const main = new URLSearchParams((await hash()).slice(1)), base = new URLSearchParams(main.get("vs"));
    equal("just before: as long, and up to it", [Number(base.get("to")) + 1, base.get("to") - base.get("from") + 1], [Number(main.get("from")), main.get("to") - main.get("from")]);
    await go("#g=hour&r=all&live=0");
    await shown("hour");
    const seen = await hash();
    await page.locator(".timeline canvas").click();
    equal("a click is no drag", await hash(), seen);
}

async function origins() {
    await go("#g=hour&r=all&live=0");
    await shown("hour");
    const sum = (isIn) => Array.from({ length: 60 }, (_, i) => (isIn(i) ? (10 * (i + 1) + 100) * 1e7 : 0)).reduce((a, b) => a + b, 0);
    await page.locator("select[data-kind=process]").selectOption("=batch");
    await until("one process", async () => (await totalNs()) === sum((i) => i % 3 === 0));
    equal("the chart is its own", Number(await page.locator(".timeline").getAttribute("data-sum")), sum((i) => i % 3 === 0));
    await page.locator("select[data-kind=host]").selectOption("=two");
    await until("on one host", async () => (await totalNs()) === sum((i) => i % 3 === 0 && i >= 30));
    check("both in the URL", (await hash()).includes("host=two") && (await hash()).includes("process=batch"), await hash());
    await page.reload();
    await shown("hour");
    equal("and from it", await totalNs(), sum((i) => i % 3 === 0 && i >= 30));
    equal("the select knows", await page.locator("select[data-kind=process]").inputValue(), "=batch");
    await page.locator("select[data-kind=process]").selectOption("");
    await until("all processes again", async () => (await totalNs()) === sum((i) => i >= 30));
    await go("#g=hour&r=all&live=0&process=nosuch");
    await until("a sentence", async () => (await page.locator(".notice").innerText()).includes("with these filters"));
    await page.getByRole("button", { name: "Without filters" }).click();
    await until("without", async () => (await totalNs()) === sum(() => true));
}

async function slices() {
    const extension = { slices: [{ thread: "worker", tid: 7, labels: { route: "/a" } }, { thread: "worker", tid: 8, labels: { route: "/b", tenant: "</script>" } }, { thread: "logger", tid: 9 }] };
    const tree = { children: { "app:main": { counts: { WALL_TIME: 70 }, slices: { 0: { WALL_TIME: 30 }, 1: { WALL_TIME: 20 }, 2: { WALL_TIME: 20 } },
        children: { "app:log": { counts: { WALL_TIME: 30 }, slices: { 2: { WALL_TIME: 25 } } } } } } };
    await receiver.post("sliced", tree, { extension });
    await go("#g=sliced&r=all&live=0");
    await shown("sliced");
    equal("slices are no frames", (await rows()).map(({ name, selfNs }) => [name, selfNs]), [["main", 7e8], ["log", 3e8]]);
    const options = (kind) => page.locator(`select[data-kind=${kind}] option`).evaluateAll((list) => list.map((o) => o.textContent.replace(/\u00a0/g, " ")));
    equal("threads by weight", await options("thread"), ["All threads", "worker · 0.50 s", "logger · 0.45 s"]);
    equal("labels by weight", await options("label"), ["Labels", "route:/a · 0.30 s", "route:/b · 0.20 s", "tenant:</script> · 0.20 s"]);
    await page.locator("select[data-kind=thread]").selectOption("=worker");
    await until("a thread", async () => (await totalNs()) === 5e8);
    await until("the chart is the thread's", async () => Number(await page.locator(".timeline").getAttribute("data-sum")) === 5e8);
    check("and says so", (await page.locator(".timeline .top-label").innerText()).includes("only thread worker"), await page.locator(".timeline .top-label").innerText());
    equal("its functions", (await rows()).map(({ name, selfNs }) => [name, selfNs]), [["main", 5e8]]);
    await page.locator("select[data-kind=label]").selectOption("=tenant:</script>");
    await until("a label of it", async () => (await totalNs()) === 2e8);
    await until("the chart is the label's", async () => Number(await page.locator(".timeline").getAttribute("data-sum")) === 2e8);
    equal("as a chip", await chips(), ["tenant = </script>"]);
    await page.reload();
    await shown("sliced");
    equal("from the URL", await totalNs(), 2e8);
    await page.locator(".filters .chip button").click();
    await until("without the label", async () => (await totalNs()) === 5e8);
    await page.keyboard.press("c");
    await page.locator(".compare").waitFor();
}

await perform({ browser, page, sins }, async () => {
    await postHour();
    for (const scenario of [chart, origins, slices])
        await scenario();
});
await receiver.stop();
receiver.clean();
console.log(`${failures()} failed`);
process.exit(failures() === 0 ? 0 : 1);
