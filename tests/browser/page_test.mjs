// The page, in a real browser: what it shows, that it can be worked by mouse and by keys, that names are never more than names,
// and that it asks nobody but its own receiver.
//
// Usage: node page_test.mjs PATH-OF-pando   (after npm ci in this folder; PANDO_CHROMIUM names another browser)
import { execFileSync } from "node:child_process";
import { drive } from "./drive.mjs";
import { check, equal, failures, openBrowser, perform, startReceiver, until } from "./browser.mjs";

const pando = process.argv[2];
const receiver = await startReceiver(pando);
const { browser, page, sins } = await openBrowser(receiver.url);
const count = (n) => ({ WALL_TIME: n });
// 1 s in all: main 0.1 s itself; a 0.5 s, b 0.4 s of which c 0.3 s
const SMALL = { children: { "app:main": { counts: count(10), children: {
    "app:alpha": { counts: count(50), file: "/src/alpha.c", line: [12] },
    "libb.so:beta": { counts: count(10), children: { "libb.so:gamma": { counts: count(30) } } } } } } };

const { go, shown, text, rows, crumbs, spot } = drive(page, receiver.url);

async function emptyState() {
    await go("");
    await page.waitForSelector(".empty-state");
    const words = await text(".empty-state");
    check("an empty receiver says what to type", words.includes(`pando run --url ${receiver.url} -- ./program`), words);
    await receiver.post("small", SMALL, { debugInfo: { genericMetrics: { samplesDroppedRingFull: 7, samplesKept: 100, stacksTooDeep: 3, stacksWhole: 90 }, processName: "app", hostName: "box" } });
    await shown("small");
    equal("the only group opens by itself, without a reload", await text("#where"), "Groups\n›\nsmall");
}

async function facts() {
    const words = (await page.locator(".trust").innerText()).replace(/\u00a0|\u202f/g, " ");
    for (const part of ["1.00 s", "50.0 % of the process’s 2.00 s", "0.33 cores", "in 1 profile", "20.0 ms", "Samples lost", "7", "Cut stacks", "3"])
        check(`the panel says "${part}"`, words.includes(part), words);
    await page.locator(".trust .more-button").click();
    const counters = (await page.locator(".trust dl").innerText()).replaceAll("\n", " ");
    check("and which counters", /^samples dropped ring full the buffer .* 7 stacks too deep deeper than the limit 3 /.test(counters), counters);
    await page.keyboard.press("Escape");
    check("until Escape", !(await page.locator(".trust dl").isVisible()));
}

async function table() {
    await go("#g=small&r=all");
    await shown("small");
    const report = JSON.parse(execFileSync(pando, ["report", "--url", receiver.url, "--group", "small", "--format", "json", "--top", "1000"]));
    const wanted = report.top.map(({ name, object, selfNs, totalNs }) => ({ name, object, selfNs, totalNs }));
    equal("the table is what pando report says", await rows(), wanted);
    equal("sorted by self", (await rows()).map((r) => r.name), ["alpha", "gamma", "main", "beta"]);
    await page.getByRole("button", { name: "Total" }).click();
    equal("by total", (await rows()).map((r) => r.name), ["main", "alpha", "beta", "gamma"]);
    await page.locator("th.name button").click();
    equal("by name", (await rows()).map((r) => r.name), ["alpha", "beta", "gamma", "main"]);
    await page.locator("th.name button").click();
    equal("and back", (await rows()).map((r) => r.name), ["main", "gamma", "beta", "alpha"]);
    check("the order is in the URL", (await page.evaluate(() => location.hash)).includes("sort=name&up=1"));
    const plain = await page.evaluate(() => document.querySelector(".whole canvas").toDataURL());
    await page.locator("tr", { hasText: "alpha" }).click();
    equal("a click selects", await page.locator("tr[aria-selected=true] .name").innerText(), "alpha");
    equal("and tells its share", (await text(".matched")).replace(/\u00a0/g, " "), "selected: 50.0 %");
    await page.waitForFunction((old) => document.querySelector(".whole canvas").toDataURL() !== old, plain);
    await page.keyboard.press("Escape");
    await page.waitForFunction((old) => document.querySelector(".whole canvas").toDataURL() === old, plain);
    check("which is lit in the graph, until Escape", true);
}

async function zoom() {
    await go("#g=small&r=all");
    await shown("small");
    await page.mouse.move(...(await spot(0.7, 2)));
    const tip = (await page.locator("#tooltip").innerText()).replace(/\u00a0/g, " ");
    for (const part of ["beta", "libb.so", "0.40 s", "40.0 %", "0.10 s", "10.0 %"])
        check(`the tooltip says "${part}"`, tip.includes(part), tip);
    await page.mouse.click(...(await spot(0.7, 2)));
    equal("a click zooms", await crumbs(), "all > main > beta");
    check("the share is told", (await text(".crumbs .share")).replace(/\u00a0/g, " ").includes("40.0 % of all"));
    const hash = await page.evaluate(() => location.hash);
    check("the zoom is in the URL", hash.includes("z="), hash);
    await page.reload();
    await shown("small");
    equal("and comes back with it", await crumbs(), "all > main > beta");
    await page.mouse.click(...(await spot(0.2, 1)));
    equal("deeper", await crumbs(), "all > main > beta > gamma");
    await page.goBack();
    await until("going back", async () => (await crumbs()) === "all > main > beta");
    await page.keyboard.press("Backspace");
    equal("Backspace zooms out by one", await crumbs(), "all > main");
    await page.keyboard.press("0");
    equal("0 shows all", await crumbs(), "all");
    await page.locator(".whole canvas").focus();
    for (const key of ["ArrowDown", "ArrowDown", "ArrowRight", "ArrowDown"])
        await page.keyboard.press(key);
    check("arrow keys walk", (await text(".focus-text")).startsWith("gamma (libb.so)"), await text(".focus-text"));
    await page.keyboard.press("Enter");
    equal("Enter zooms", await crumbs(), "all > main > beta > gamma");
    await page.getByRole("button", { name: "Reset zoom" }).click();
    equal("a button resets", await crumbs(), "all");
    await page.keyboard.press("i");
    equal("i turns it over", await page.getByTitle("Turn the graph over (i)").innerText(), "Flame ↑");
    await page.reload();
    await shown("small");
    equal("and so it stays", await page.getByTitle("Turn the graph over (i)").innerText(), "Flame ↑");
    await page.mouse.click(...(await spot(0.7, 1)));
    equal("a click there finds the same frame", await crumbs(), "all > main > beta");
}

async function search() {
    await go("#g=small&r=all");
    await shown("small");
    await page.keyboard.press("/");
    await page.keyboard.type("LIBB");
    equal("what a search matches, once", (await text(".matched")).replace(/\u00a0/g, " "), "matched 40.0 % · 0.40 s");
    equal("the table follows", (await rows()).map((r) => r.name), ["gamma", "beta"]);
    await page.keyboard.type(" gamm");
    equal("two words", (await rows()).map((r) => r.name), ["gamma"]);
    check("it is in the URL", (await page.evaluate(() => location.hash)).includes("q=LIBB+gamm"));
    await page.reload();
    await shown("small");
    equal("and comes back with it", (await text(".matched")).replace(/\u00a0/g, " "), "matched 30.0 % · 0.30 s");
    await page.keyboard.press("Escape");
    equal("Escape clears", (await rows()).length, 4);
    await page.keyboard.press("Control+f");
    await page.keyboard.type("/src/alpha");
    equal("by source file", (await rows()).map((r) => r.name), ["alpha"]);
    await page.keyboard.type("nothing");
    equal("no match", await text("td.empty"), "No function matches.");
}

async function themes() {
    await go("#g=small&r=all");
    await shown("small");
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await ground();
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await ground();
    check("dark follows the system", light !== dark && dark !== "rgba(0, 0, 0, 0)", dark);
    await page.locator("#theme").click();
    equal("the user may differ", await ground(), light);
    await page.reload();
    await shown("small");
    equal("and is remembered", await ground(), light);
    await page.emulateMedia({ colorScheme: "light" });
    await page.keyboard.press("t");
    equal("t", await ground(), dark);
    await page.keyboard.press("t");
    await page.keyboard.press("?");
    check("? shows the keys", await page.locator("#help-sheet").isVisible());
    await page.keyboard.press("Escape");
    check("Escape closes them", !(await page.locator("#help-sheet").isVisible()));
}

async function times() {
    await receiver.post("old", SMALL, { startMs: 1700000000000, endMs: 1700000003000 });
    await go("#g=old&r=5m");
    await until("a sentence", async () => (await page.locator(".notice h2").allInnerTexts())[0] === "Nothing in the last 5 minutes");
    check("an empty range says when there was something", (await text(".notice")).includes("days ago"), await text(".notice"));
    await page.getByRole("button", { name: "Show all there is" }).click();
    await shown("old");
    check("all", await page.locator(".content").isVisible());
    await go("#g=old");
    await shown("old");
    equal("an old group opens as a whole", await page.locator(".tools .range [aria-pressed=true]").innerText(), "All");
    await page.getByRole("button", { name: "Custom" }).click();
    const local = (ms) => page.evaluate((t) => new Date(t - new Date(t).getTimezoneOffset() * 60e3).toISOString().slice(0, 19), ms);
    await page.locator("#range-to").fill(await local(1699999999000));
    await until("nothing before", async () => (await page.locator(".notice h2").allInnerTexts())[0] === "Nothing in the chosen time");
    await page.locator("#range-to").fill(await local(1700000001000));
    await page.locator(".content").waitFor({ state: "visible" });
    check("from … to …", (await page.evaluate(() => location.hash)).includes("to=1700000001000"));
    await go("#g=nosuch&r=all");
    await page.locator(".notice h2").waitFor();
    equal("a group that is not", await text(".notice h2"), "No profile of this group");
}

async function live() {
    await go("#g=small&r=all");
    await shown("small");
    await page.mouse.click(...(await spot(0.7, 2)));
    await receiver.post("small", SMALL);
    await until("the new profile", async () => (await text(".trust")).includes("in 2 profiles"));
    equal("follows, and keeps the zoom", await crumbs(), "all > main > beta");
    await page.keyboard.press("l");
    equal("l stops it", await page.locator(".toggle").getAttribute("aria-pressed"), "false");
    check("and the URL knows", (await page.evaluate(() => location.hash)).includes("live=0"));
    await page.keyboard.press("g");
    await page.locator("table.list").waitFor();
    equal("g lists the groups, the latest first", await page.locator("table.list .name").allInnerTexts(), ["small", "old"]);
    await page.locator("table.list tr", { hasText: "old" }).click();
    await shown("old");
    await page.goBack();
    await page.locator("table.list").waitFor();
    check("back leads to the list", true);
}

const HOSTILE = ["</script><img src=x onerror=\"window.pwned=1\">", "<svg/onload=window.pwned=2>", "\"'><iframe srcdoc=\"<script>parent.pwned=3</script>\">",
    "javascript:window.pwned=4", "{{constructor.constructor('window.pwned=5')()}}", "${window.pwned=6}", "a\u202egnp.exe\u2066b\u200f", "nul\u0000tab\tnew\nline\u001b[31m\u009b1m",
    "&lt;b&gt;&amp;", "\ud83d\ude00 函数 مرحبا", "__proto__", "constructor", "L".repeat(10000), " ", "\ufeff"];

async function hostileNames() {
    const children = "{" + HOSTILE.map((name, i) => `${JSON.stringify(name)}:{"counts":{"WALL_TIME":${100 + i}},"file":${JSON.stringify(name)}}`).join(",") + "}";
    await receiver.post("hostile", `{"children":${children}}`, { debugInfo: { processName: HOSTILE[0], hostName: HOSTILE[6],
        genericMetrics: Object.fromEntries(HOSTILE.map((name, i) => [name + "Dropped", i + 1])) } });
    await go("#g=hostile&r=all");
    await shown("hostile");
    equal("hostile names: all are shown", (await rows()).length, HOSTILE.length);
    const names = (await page.locator("table.functions td.name").allTextContents()).join("\n");
    check("as they are", names.includes(HOSTILE[0]) && names.includes("<svg/onload=window.pwned=2>") && names.includes("&lt;b&gt;&amp;"), names);
    check("what would turn or hide text is spelled out", names.includes("a‹U+202E›gnp.exe‹U+2066›b‹U+200F›") && names.includes("‹U+001B›[31m")
        && !/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(names), names);
    for (let i = 0; i < HOSTILE.length; i++) {
        await page.mouse.move(...(await spot((i + 0.5) / HOSTILE.length, 1)));
        await page.locator("table.functions tbody tr").nth(i).click();
    }
    await page.mouse.click(...(await spot(0.01, 1)));
    equal("a name of 10 KB fits", await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    equal("none of them is markup", await page.evaluate(() => document.querySelectorAll("main img, main svg, main iframe, main script, main b, #tooltip img").length), 0);
    equal("and none of them ran", await page.evaluate(() => window.pwned), undefined);
    for (const hash of [`#g=${encodeURIComponent(HOSTILE[0])}`, `#g=hostile&r=${encodeURIComponent(HOSTILE[0])}&q=${encodeURIComponent(HOSTILE[0])}&z=..%00&sort=__proto__&sel=${HOSTILE[0]}`, "#g=hostile&r=__proto__", "#%%%"]) {
        await go(hash);
        await page.waitForFunction(() => document.querySelector("main").children.length > 0);
        equal(`${hash.slice(0, 20)} runs nothing`, await page.evaluate(() => window.pwned), undefined);
    }
}

async function depthAndWidth() {
    let node = '{"counts":{"WALL_TIME":1}}';
    for (let i = 1000; i > 0; i--)
        node = `{"counts":{"WALL_TIME":1},"children":{"deep:level_${i}":${node}}}`;
    await receiver.post("deep", node);
    await go("#g=deep&r=all");
    await shown("deep");
    equal("1000 frames are as tall as they are", await page.evaluate(() => document.querySelector(".flame").scrollHeight >= 1001 * 19), true);
    check("only what is seen is painted", Number(await page.locator(".whole canvas").getAttribute("data-painted")) < 100);
    await page.evaluate(() => document.querySelector(".flame").scrollTo(0, 19 * 500));
    await until("a paint", async () => (await page.evaluate(() => document.querySelector(".flame").scrollTop)) === 19 * 500);
    await page.mouse.click(...(await spot(0.3, 5)));
    await until("the zoom", async () => (await crumbs()).includes("level_505"));
    equal("the way there is shortened", await crumbs(), "all > level_1 > level_2 > level_502 > level_503 > level_504 > level_505");
    await page.setViewportSize({ width: 360, height: 700 });
    for (const group of ["small", "deep", "hostile"]) {
        await go(`#g=${group}&r=all`);
        await shown(group);
        equal(`${group} in a narrow window`, await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    }
    await page.setViewportSize({ width: 1280, height: 900 });
}

/** A tree of `count` nodes under one, in bushes; the text of its JSON. */
function bigTree(wanted) {
    let nodes = 1, seed = 1;
    const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
    const grow = (depth) => {
        nodes++;
        const children = [];
        for (let i = 0; i < 4 && depth < 40 && nodes < wanted && random() < 0.62; i++)
            children.push(`"lib${(i + depth) % 9}.so:function_${i}_${Math.floor(random() * 2000)}":${grow(depth + 1)}`);
        return `{"counts":{"WALL_TIME":${1 + Math.floor(20 * random() ** 4)}}${children.length ? `,"children":{${children.join(",")}}` : ""}}`;
    };
    const top = [];
    while (nodes < wanted)
        top.push(`"app:task_${top.length}":${grow(1)}`);
    return `{"children":{${top.join(",")}}}`;
}

async function speed() {
    await receiver.post("big", bigTree(100000));
    await go("#g=big&r=all");
    await shown("big");
    const data = await page.evaluate(() => ({ ...document.querySelector(".group-view").dataset, ...document.querySelector(".whole canvas").dataset, nodes: document.querySelector("main").dataset.nodes }));
    check("100,000 nodes are there", Number(data.nodes) >= 100000, data.nodes);
    console.log(`figures: ${data.nodes} nodes: arrays ${data.buildMs} ms, panel, legend and table ${data.renderMs} ms, ${data.painted} rectangles in ${data.paintMs} ms`);
    const timed = (action) => page.evaluate(async (what) => {
        const canvas = document.querySelector(".whole canvas"), draws = canvas.dataset.draws, began = performance.now();
        if (what === "search") {
            const input = document.querySelector("input[type=search]");
            input.value = "function_2";
            input.dispatchEvent(new Event("input"));
        } else {
            const box = canvas.getBoundingClientRect();
            canvas.dispatchEvent(new MouseEvent("click", { clientX: box.x + 5, clientY: box.y + 25, bubbles: true }));
        }
        while (canvas.dataset.draws === draws)
            await new Promise((resolve) => requestAnimationFrame(resolve));
        return performance.now() - began;
    }, action);
    const more = await page.evaluate(async () => {
        const [{ columnsOf, treeOf }, { callersOf, calleesOf, clearLens, transform }, { diffTrees }] = await Promise.all(["tree", "transform", "diff"].map((name) => import(`/web/${name}.js`)));
        const body = await (await fetch("api/v1/groups/big/tree")).json(), columns = columnsOf(body), times = {};
        const time = (what, action) => {
            const began = performance.now(), result = action();
            times[what] = Math.round(performance.now() - began);
            return result;
        };
        const tree = treeOf(columns, body), which = tree.frameTotal.reduce((best, ns, i) => (i > 0 && ns > tree.frameTotal[best] ? i : best), 1);
        time("lens", () => treeOf(transform(columns, { ...clearLens(), hide: "function_1", recursion: true }), body));
        time("sandwich", () => [treeOf(callersOf(tree, which), body), treeOf(calleesOf(tree, which), body)]);
        time("comparison", () => diffTrees(tree, tree));
        return times;
    });
    console.log(`figures: lens ${more.lens} ms, sandwich ${more.sandwich} ms, comparison ${more.comparison} ms`);
    const searched = await timed("search"), matched = await text(".matched"), zoomed = await timed("zoom");
    console.log(`figures: search to picture ${searched.toFixed(0)} ms, zoom to picture ${zoomed.toFixed(0)} ms`);
    check("a search there finds", /matched [1-9]/.test(matched), matched);
    check("no wait of seconds", searched < 5000 && zoomed < 5000 && Number(data.paintMs) < 5000, JSON.stringify({ searched, zoomed }));
}

async function receiverGone() {
    await go("#g=small&r=all");
    await shown("small");
    const sinsBefore = sins.length;
    await receiver.stop();
    await until("a sentence", async () => (await text("#status")).includes("does not answer"));
    check("a receiver that is gone is told, and what was shown stays", await page.locator("table.functions tbody tr").first().isVisible());
    sins.splice(sinsBefore); // the browser itself complains of the connection
}

const ran = await perform({ browser, page, sins }, async () => {
    for (const scenario of [emptyState, facts, table, zoom, search, themes, times, live, hostileNames, depthAndWidth, speed])
        await scenario();
    await receiverGone();
});
if (!ran)
    await receiver.stop();
receiver.clean();
console.log(`${failures()} failed`);
process.exit(failures() === 0 ? 0 : 1);
