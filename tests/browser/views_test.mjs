// The page's views of a real program's profile (Debian's C++ compiler at work, twice): lens, sandwich, panel of a function, menu,
// colours, names and comparison, each against what `pando report` says, worked out by oracle.mjs.
//
// Usage: node views_test.mjs PATH-OF-pando
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check, equal, failures, openBrowser, perform, startReceiver, until } from "./browser.mjs";
import { drive } from "./drive.mjs";
import { HOT, templates } from "./programs.mjs";
import { aroundOf, LENSES, stacksOf, sumOf, tableOf } from "./oracle.mjs";

const pando = process.argv[2];
const receiver = await startReceiver(pando);
const { browser, page, sins } = await openBrowser(receiver.url);
const { go, shown, text, plain, rows, chips, crumbs, spot, choose, hash } = drive(page, receiver.url);
const folder = mkdtempSync(join(tmpdir(), "pando-views-"));

function profileCompiler(group, options) {
    writeFileSync(join(folder, "a.cc"), templates(12));
    execFileSync(pando, ["run", "--url", receiver.url, "--group", group, "--rate", "1000", "--interval", "2", "--top", "0", "--",
        "g++", "-std=c++17", ...options, "-c", join(folder, "a.cc"), "-o", join(folder, "a.o")], { stdio: ["ignore", "ignore", "pipe"] });
}
const report = (group) => JSON.parse(execFileSync(pando, ["report", "--url", receiver.url, "--group", group, "--format", "json", "--top", "0"], { maxBuffer: 1 << 28 }));
const totalNs = () => page.evaluate(() => Number(document.querySelector("main").dataset.totalNs));
const nameOf = (key) => key.split("\0")[0];

/** The table's rows against a list of stacks: all that are shown, and their sum. */
async function compareTable(what, stacks) {
    const table = tableOf(stacks);
    await until(what + ": the sum", async () => (await totalNs()) === sumOf(stacks));
    const seen = await rows();
    const wrong = seen.filter(({ name, object, selfNs, totalNs: total }) => {
        const wanted = table.get(name + "\0" + object);
        return wanted === undefined || wanted.selfNs !== selfNs || wanted.totalNs !== total;
    });
    equal(what + ": the table", wrong, []);
    equal(what + ": as many as there are", seen.length, Math.min(100, table.size));
}

const menuOf = async (name, label) => {
    await page.locator("input[type=search]").fill("=" + name);
    await page.locator("table.functions tbody tr").first().click({ button: "right" });
    await choose(label);
    await page.locator("input[type=search]").fill("");
    await page.locator("input[type=search]").blur();
};

async function lens(group, stacks) {
    const all = sumOf(stacks), table = tableOf(stacks);
    // A function in the middle of things, one that is recursive, and a name that only one object has.
    const names = [...table.keys()].map(nameOf), isUnique = (key) => names.filter((name) => name === nameOf(key)).length === 1;
    const middle = [...table].find(([key, { totalNs: total }]) => total < 0.6 * all && total > 0.1 * all && isUnique(key) && !key.startsWith("["))[0];
    const recursive = stacks.flatMap(({ frames }) => frames.filter((key, i) => frames.indexOf(key) !== i))[0];
    check("the compiler calls itself", recursive !== undefined);
    const isMiddle = (key) => key === middle;
    await go(`#g=${group}&r=all&full=1&live=0`);
    await shown(group);
    await compareTable("whole", stacks);
    for (const [label, lensName] of [["Only stacks with it", "focus"], ["Drop stacks with it", "drop"], ["Show from here", "from"], ["Hide its frames", "hide"]]) {
        await menuOf(nameOf(middle), label);
        await compareTable(label, LENSES[lensName](stacks, isMiddle));
        check(label + ": a chip says so", (await chips())[0].endsWith(nameOf(middle)), String(await chips()));
        await page.reload();
        await shown(group);
        await compareTable(label + ", from the URL", LENSES[lensName](stacks, isMiddle));
        await page.locator(".chip button").click();
        await compareTable(label + ", undone", stacks);
    }
    const object = middle.split("\0")[1];
    await menuOf(nameOf(middle), "Fold its object");
    await compareTable("folded", LENSES.fold(stacks, object));
    await page.goBack();
    await page.locator("input[type=search]").fill("");
    await page.locator("input[type=search]").blur();
    await compareTable("back", stacks);
    await page.keyboard.press("r");
    await compareTable("recursion merged", LENSES.recursion(stacks));
    await page.keyboard.press("r");
    await page.keyboard.press("w");
    await page.getByLabel("Only stacks with").fill("libc");
    await page.keyboard.press("Enter");
    await compareTable("words", LENSES.focus(stacks, (key) => key.toLowerCase().includes("libc")));
    await page.getByLabel("Only stacks with").fill("/^op.*_pass/");
    await page.keyboard.press("Enter");
    await compareTable("a regular expression", LENSES.focus(stacks, (key) => /^op.*_pass/im.test(key.replace("\0", "\n"))));
    await page.getByLabel("Only stacks with").fill("no such function anywhere");
    await page.keyboard.press("Enter");
    await until("a sentence", async () => (await text(".notice")).startsWith("Nothing is left of the stacks"));
    await page.getByRole("button", { name: "Clear the lens" }).click();
    await compareTable("cleared", stacks);
    await page.keyboard.press("w");
    await page.getByLabel("Frames are").selectOption("object");
    await until("objects", async () => (await rows()).every(({ name, object: of }) => name === of || name === "unknown"));
    const byObject = new Map();
    for (const [key, { selfNs }] of table)
        byObject.set(key.split("\0")[1], (byObject.get(key.split("\0")[1]) ?? 0) + selfNs);
    equal("frames are objects: self times", (await rows()).filter(({ object: of, selfNs }) => byObject.get(of) !== selfNs), []);
}

async function sandwich(group, stacks) {
    const table = tableOf(stacks), all = sumOf(stacks);
    const [which] = [...table].sort((a, b) => b[1].selfNs - a[1].selfNs).find(([key]) => !key.startsWith("<"));
    const { callers, callees } = aroundOf(stacks, which), { selfNs, totalNs: total } = table.get(which);
    await go(`#g=${group}&r=all&full=1&live=0`);
    await shown(group);
    await page.keyboard.press("s");
    check("the sandwich asks for a function", (await text(".sandwich .hint")).startsWith("Choose a function"));
    await page.locator("table.functions tbody tr").first().click();
    await page.locator(".sandwich .halves").waitFor();
    const share = (ns, of) => ((100 * ns) / of).toFixed(1) + " %";
    check("it tells the function's cost", (await plain(".middle")).includes(`${share(total, all)} of the time`), await plain(".middle"));
    const listed = async (title) => (await page.locator(".details section", { hasText: title }).locator("li").allInnerTexts()).map((line) => line.replace(/\u00a0/g, " ").split("\n"));
    const wanted = (map) => [...map].sort((a, b) => b[1] - a[1]);
    for (const [title, map] of [["Called by", callers], ["Calls", callees]]) {
        const lines = (await listed(title)).filter((line) => line.length > 1);
        equal(`${title}: shares`, lines.map((line) => line[1]), wanted(map).slice(0, lines.length).map(([, ns]) => share(ns, total)));
        equal(`${title}: as many`, lines.length, Math.min(6, map.size));
    }
    check("and its own time", (await plain(".details .costs")).includes(share(selfNs, all)), await plain(".details .costs"));
    // The picture: the heaviest caller is the left one, one row above the function.
    const canvas = ".halves .flame:nth-of-type(1) canvas";
    const box = await page.locator(canvas).boundingBox();
    await page.mouse.move(box.x + 5, box.y + box.height - 19 - 9);
    const tip = await plain("#tooltip"), [caller, ns] = wanted(callers)[0];
    check("the callers' picture agrees", tip.includes(nameOf(caller)) && tip.includes(share(ns, all)), tip);
    await page.mouse.click(box.x + 5, box.y + box.height - 19 - 9);
    await until("the caller in the middle", async () => (await text(".middle b")) === nameOf(caller));
    await page.goBack();
    await until("back", async () => (await text(".middle b")) === nameOf(which));
    await page.keyboard.press("Escape");
    await page.locator(".whole canvas").waitFor();
    check("Escape leads to the graph", !(await hash()).includes("sandwich"));
}

async function menuAndPanel(group, stacks) {
    await go(`#g=${group}&r=all&live=0`);
    await shown(group);
    await page.mouse.click(...(await spot(0.3, 3)), { button: "right" });
    await page.getByRole("menu").waitFor();
    await page.keyboard.press("Escape");
    equal("Escape closes the menu", await page.getByRole("menu").count(), 0);
    await page.locator(".whole canvas").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("m");
    equal("m opens it, on the first action", await page.evaluate(() => document.activeElement.textContent), "Zoom inEnter");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.locator(".details").waitFor();
    const tops = new Map();
    for (const { frames, ns } of stacks)
        tops.set(frames[0], (tops.get(frames[0]) ?? 0) + ns);
    equal("Details by keys", await text(".details h2"), nameOf([...tops].sort((a, b) => b[1] - a[1])[0][0]));
    await page.locator(".details-head button").click();
    check("× closes them", !(await page.locator(".details").isVisible()));
    const unnamed = stacks.flatMap(({ frames }) => frames).find((key) => key.startsWith("["));
    await page.locator("input[type=search]").fill("=" + nameOf(unnamed));
    await page.locator("table.functions tbody tr").first().click();
    check("an unnamed frame tells why", (await text(".details .why")).includes("is stripped"), await text(".details .why"));
}

async function coloursAndNames(group) {
    await go(`#g=${group}&r=all&live=0`);
    await shown(group);
    const picture = () => page.evaluate(() => document.querySelector(".whole canvas").toDataURL());
    const seen = new Set([await picture()]);
    for (const coloring of ["package", "function", "mine"]) {
        await page.getByLabel("Colour by").selectOption(coloring);
        await until(coloring, async () => !seen.has(await picture()));
        seen.add(await picture());
    }
    check("my code in front: a legend", (await plain(".legend")).includes("the program’s own code"), await plain(".legend"));
    // __libc_start_main is the third row: the system's, so grey.
    const pixel = await page.evaluate(() => {
        const canvas = document.querySelector(".whole canvas");
        return [...canvas.getContext("2d").getImageData(canvas.width / 2, Math.round((2 * 19 + 3) * devicePixelRatio), 1, 1).data];
    });
    check("the system's frames are grey", Math.max(...pixel.slice(0, 3)) - Math.min(...pixel.slice(0, 3)) < 12, String(pixel));
    check("it is in the URL", (await hash()).includes("c=mine"));
    const names = await page.evaluate(async () => {
        const { shortName, packageOf } = await import("/web/names.js");
        return [shortName("std::vector<int, std::allocator<int> >::push_back(int const&)"), shortName("void ns::deep::f<(anonymous namespace)::T>(int (*)(char))"),
            shortName("std::ostream::operator<<(int)"), shortName("operator new(unsigned long)"), shortName("a::b::{lambda(int)#1}::operator()(int) const"),
            shortName("core::ptr::drop_in_place::h0123456789abcdef"), shortName("example.org/a/b.(*T).Run"), shortName("[x+0x1]"), shortName("main"), shortName("f(x<y"),
            packageOf("std::vector<int>::push_back(int)"), packageOf("int ns::f<a::b>()"), packageOf("main"), packageOf("example.org/a/b.Run")];
    });
    equal("short names and packages", names, ["vector::push_back", "deep::f", "ostream::operator<<", "operator new", "{lambda(int)#1}::operator()",
        "ptr::drop_in_place", "b.(*T).Run", "[x+0x1]", "main", "f(x<y", "std", "ns", "", "example.org/a/b"]);
    await page.locator("input[type=search]").fill("hash_table");
    const short = (await rows()).map(({ name }) => name);
    await page.keyboard.press("Escape");
    await page.keyboard.press("n");
    await page.locator("input[type=search]").fill("hash_table");
    const full = (await rows()).map(({ name }) => name);
    check("names are whole when asked", full.some((name, i) => name.length > short[i].length) && full.every((name) => name.includes("hash_table")), String([short[0], full[0]]));
}

async function comparison(groupA, stacksA, samplesA, groupB, stacksB, samplesB) {
    const a = tableOf(stacksA), b = tableOf(stacksB), allA = sumOf(stacksA), allB = sumOf(stacksB);
    await go(`#g=${groupB}&r=all&full=1&live=0`);
    await shown(groupB);
    await page.keyboard.press("c");
    await page.locator(".compare").waitFor();
    await page.getByLabel("Group of the baseline").selectOption(groupA);
    await page.locator(".compare").getByRole("button", { name: "All" }).click();
    await until("both", async () => (await page.locator("table.compared tbody tr[data-frame]").count()) > 0 && (await page.locator(".group-view[aria-busy]").count()) === 0
        && (await hash()).includes("vs=g%3D" + groupA));
    await until("their sum", async () => (await page.locator("table.compared td.change").count()) > 0);
    const judge = (x, y) => {
        const p = x / allA, q = y / allB, pooled = (p * samplesA + q * samplesB) / (samplesA + samplesB);
        return { delta: q - p, noise: Math.abs(q - p) <= 3 * Math.sqrt(pooled * (1 - pooled) * (1 / samplesA + 1 / samplesB)) };
    };
    const read = () => page.locator("table.compared tbody tr[data-frame]").evaluateAll((list) => list.map((row) => ({
        key: row.querySelector(".name").innerText + "\0" + row.querySelector(".object").innerText.trim(),
        ns: [0, 1, 3, 4].map((i) => Number(row.cells[i].dataset.ns)), delta: [2, 5].map((i) => Number(row.cells[i].dataset.delta)),
        noise: [2, 5].map((i) => row.cells[i].classList.contains("noise")) })));
    const seen = await read(), none = { selfNs: 0, totalNs: 0 };
    const wrong = seen.filter(({ key, ns, delta, noise }) => {
        const x = a.get(key) ?? none, y = b.get(key) ?? none, self = judge(x.selfNs, y.selfNs), total = judge(x.totalNs, y.totalNs);
        return JSON.stringify(ns) !== JSON.stringify([x.selfNs, y.selfNs, x.totalNs, y.totalNs]) || Math.abs(delta[0] - self.delta) > 1e-9
            || Math.abs(delta[1] - total.delta) > 1e-9 || noise[0] !== self.noise || noise[1] !== total.noise;
    });
    equal("the comparison's rows are what both reports say, noise and all", wrong, []);
    const real = seen.map(({ noise }) => noise[0]);
    check("what is no noise comes first", real.lastIndexOf(false) < real.indexOf(true) || !real.includes(false) || !real.includes(true), String(real));
    await page.getByRole("button", { name: "Total: baseline" }).click();
    check("-O0 and -O2 do differ", !(await read())[0].noise[1]);
    await page.getByRole("button", { name: "Self: baseline" }).click();
    await page.mouse.move(...(await spot(0.5, 1)));
    check("the tooltip compares", /baseline\s.*now\s.*change/s.test(await plain("#tooltip")), await plain("#tooltip"));
    check("so does the legend", (await text(".legend")).includes("less than in the baseline"));
    await page.locator("table.compared tbody tr").first().click();
    await page.keyboard.press("s");
    await page.locator(".sandwich .halves").waitFor();
    check("and the sandwich", (await text(".middle b")).length > 0);
    await page.keyboard.press("Escape");
    const url = await hash();
    await page.reload();
    await until("the same again", async () => JSON.stringify(await read()) === JSON.stringify(seen) && (await hash()) === url.replace(/&sel=[^&]*/, "").replace("&view=sandwich", ""));
    await page.getByRole("button", { name: "End comparison" }).click();
    await page.locator("table.compared").waitFor({ state: "detached" });
    await compareTable("after the comparison", stacksB);
    await page.goBack();
    await page.locator("table.compared").waitFor();
    check("back leads to it", await page.locator(".compare").isVisible());
    await go(`#g=${groupB}&r=all&live=0&vs=${encodeURIComponent(`g=${groupB}&r=all`)}`);
    await page.locator("table.compared tbody tr[data-frame]").first().waitFor();
    equal("nothing differs from itself", await page.locator("td.change:not(.noise)").count(), 0);
    await go(`#g=${groupB}&r=all&live=0&vs=${encodeURIComponent("g=nosuchgroup&r=all")}`);
    await page.locator("table.compared tbody tr[data-frame]").first().waitFor();
    check("a baseline without anything is not a failure", !(await page.locator(".notice").isVisible()));
}

async function source() {
    const file = join(folder, "hot.c");
    writeFileSync(file, HOT);
    execFileSync("gcc", ["-O1", "-g", file, "-o", join(folder, "hot")]);
    execFileSync(pando, ["run", "--url", receiver.url, "--group", "hot", "--rate", "1000", "--interval", "1", "--top", "0", "--", join(folder, "hot")], { stdio: "pipe" });
    const told = report("hot"), churn = tableOf(stacksOf(told)).get("churn\0hot");
    check("the program's function was sampled", churn !== undefined);
    await go("#g=hot&r=all&live=0");
    await shown("hot");
    await page.keyboard.press("o");
    check("the source asks for a function", (await text(".source .hint")).startsWith("Choose a function"));
    await menuOf("churn", "Source");
    await page.locator(".line.chosen").first().waitFor();
    equal("the file", await text(".source .middle b"), file);
    const frame = told.tree.frames.find(({ name, file: of }) => name === "churn" && of === file);
    const chosen = await page.locator(".line.chosen").allInnerTexts();
    check("the lines that were met", chosen.length >= 1 && chosen[0].includes(String(frame.line)) && HOT.split("\n").slice(4, 11).some((line) => chosen[0].includes(line.trim())), String(chosen));
    const costs = (await page.locator(".line .cost").evaluateAll((list) => list.map((cost) => Number(/([\d.]+)\u00a0?\s?% self/.exec(cost.innerText)?.[1] ?? 0)))).reduce((sum, share) => sum + share, 0);
    const inFile = (100 * told.tree.frames.reduce((sum, { name, object, file: of }) => sum + (of === file ? tableOf(stacksOf(told)).get(name + "\0" + object)?.selfNs ?? 0 : 0), 0)) / told.totalNs;
    check("lines have the time of their functions", Math.abs(costs - inFile) < 1, `${costs} of ${inFile}`);
    const loop = HOT.split("\n").findIndex((line) => line.includes("mix(values[i]")) + 1;
    check("and the hot loop is the hot one", (await page.locator(".line", { hasText: "sum += mix(values[i]" }).innerText()).includes("% total"), String(loop));
    const listed = (await page.locator(".details .lines li").allInnerTexts()).map((row) => row.replace(/\s+/g, " "));
    check("the panel has them, too", chosen.length < 2 || listed.length >= 2, String(listed));
    equal("all of the file is there", await page.locator(".line").count(), HOT.trimEnd().split("\n").length);
    await page.reload();
    await page.locator(".line.chosen").first().waitFor();
    check("from the URL", true);
    rmSync(file);
    await page.reload();
    await until("a reason", async () => (await text(".source .hint")).includes("is not on the receiver's machine"));
    await page.locator("input[type=search]").fill("libc_start_call_main");
    await page.locator("table.functions tbody tr").first().click();
    await until("another reason", async () => /is no whole path|No source file is known/.test(await text(".source .hint")));
}

async function hostile() {
    const names = ["</script><img src=x onerror=\"window.pwned=1\">", "=\u202e/(.*)+$/", "L".repeat(4000), "a;b\n\tc"];
    await receiver.post("hostile", `{"children":{${names.map((name) => `${JSON.stringify(name)}:{"counts":{"WALL_TIME":50},"children":{${JSON.stringify(name)}:{"counts":{"WALL_TIME":50}}}}`).join(",")}}}`);
    for (let i = 0; i < names.length; i++) {
        await go("#g=hostile&r=all&live=0");
        await shown("hostile");
        for (const label of ["Only stacks with it", "Callers and callees"]) {
            await page.locator("table.functions tbody tr").nth(label === "Only stacks with it" ? i : 0).click({ button: "right" });
            await choose(label);
        }
        await page.locator(".sandwich .halves").waitFor();
        equal(`hostile name ${i}: only its stacks`, await totalNs(), 1e9);
        await page.reload();
        await shown("hostile");
        equal("and from the URL", await totalNs(), 1e9);
        equal("it fits", await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    }
    equal("none ran", await page.evaluate(() => [window.pwned, document.querySelectorAll("main img, main script").length]), [undefined, 0]);
    for (const part of ["only=/(/", "vs=%00", "vs=g%3D..", "view=nosuch&c=__proto__&lv=constructor", "fold=a&fold=b&fold=", "host=%00&label=:::&thread="]) {
        await go("#g=hostile&r=all&live=0&" + part);
        await shown("hostile").catch(() => {});
        check(`${part} does no harm`, (await page.locator("main").innerText()).length > 0);
    }
}

await perform({ browser, page, sins }, async () => {
    profileCompiler("plain", ["-O0"]);
    profileCompiler("optimised", ["-O2"]);
    const [a, b] = [report("plain"), report("optimised")], [stacksA, stacksB] = [stacksOf(a), stacksOf(b)];
    console.log(`figures: ${a.samples} and ${b.samples} samples, ${stacksA.length} and ${stacksB.length} stacks`);
    await lens("optimised", stacksB);
    await sandwich("optimised", stacksB);
    await menuAndPanel("optimised", stacksB);
    await coloursAndNames("optimised");
    await comparison("plain", stacksA, a.samples, "optimised", stacksB, b.samples);
    await source();
    await hostile();
});
await receiver.stop();
receiver.clean();
rmSync(folder, { recursive: true });
console.log(`${failures()} failed`);
process.exit(failures() === 0 ? 0 : 1);
