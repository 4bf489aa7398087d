// Who does not see well, or uses no mouse: contrast of every text (WCAG AA) in light and dark and of every colour in the pictures,
// each control reached by Tab with its focus visible and its name told, reduced motion.
//
// Usage: node access_test.mjs PATH-OF-pando
import { check, equal, failures, openBrowser, perform, startReceiver, until } from "./browser.mjs";
import { drive } from "./drive.mjs";

const pando = process.argv[2];
const receiver = await startReceiver(pando);
const { browser, page, sins } = await openBrowser(receiver.url);
const { go, shown } = drive(page, receiver.url);
const count = (n) => ({ WALL_TIME: n });
const TREE = { children: { "app:main": { counts: count(10), children: { "app:ns::alpha<int>(int)": { counts: count(50), file: "/src/alpha.c", line: [12] },
    "libc.so.6:[libc.so.6+0x12]": { counts: count(40) } } } } };

/** Texts with too little contrast: what is visible, its colour on the nearest ground behind it. */
const faint = () => page.evaluate(() => {
    const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
    const parse = (color, under = [255, 255, 255]) => {
        context.fillStyle = `rgb(${under.join(" ")})`;
        context.fillRect(0, 0, 1, 1);
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = (rgb) => rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => {
        const chain = [];
        for (let at = element; at; at = at.parentElement)
            chain.unshift(getComputedStyle(at).backgroundColor);
        return chain.reduce((under, color) => parse(color, under), [255, 255, 255]);
    };
    const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
        if (text === "" || !element.checkVisibility({ checkOpacity: true }) || element.closest("option, script, noscript"))
            continue;
        const style = getComputedStyle(element), under = ground(element), [a, b] = [light(parse(style.color, under)), light(under)];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), size = parseFloat(style.fontSize);
        if (ratio < (size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700 ? 3 : 4.5))
            found.push(`${ratio.toFixed(2)} ${text.slice(0, 30)} (${element.className || element.tagName})`);
    }
    return [...new Set(found)];
});

/** Colours of the pictures on which their text has too little contrast. */
const faintFrames = () => page.evaluate(async () => {
    const { changeColor, frameColors, assignColors, isDark } = await import("/web/colors.js");
    const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
    const light = (color) => {
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    };
    const css = getComputedStyle(document.documentElement), value = (name) => css.getPropertyValue(name).trim(), ink = value("--flame-ink");
    const ratio = (x, y) => (Math.max(light(x), light(y)) + 0.05) / (Math.min(light(x), light(y)) + 0.05);
    const frames = Array.from({ length: 600 }, (_, i) => ({ name: "ns" + i % 7 + "::f" + i, object: "o" + i % 14, file: "", line: 0, lineEnd: 0 }));
    assignColors(frames.map(({ object }) => object));
    const colors = ["object", "package", "function", "mine"].flatMap((coloring) => frameColors(frames, isDark(), coloring)).concat([-4, -3, -2, -1, 0, 1, 2, 3, 4].map((s) => changeColor(s, isDark())));
    const pairs = [...new Set(colors)].map((color) => [ink, color]).concat([[value("--flame-hit-ink"), value("--flame-hit")], [value("--flame-dim-ink"), value("--flame-dim")]]);
    return pairs.filter(([x, y]) => ratio(x, y) < 4.5).map(([x, y]) => `${ratio(x, y).toFixed(2)} ${x} on ${y}`);
});

async function contrast() {
    for (const scheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" }); // else a colour may be on its way
        for (const hash of ["#list=1", "#g=seen&r=all&live=0", "#g=seen&r=all&live=0&view=sandwich&sel=" + mark, "#g=seen&r=all&live=0&view=source&sel=" + mark, "#g=seen&r=custom&live=0&only=main&rec=1&q=alp",
            "#g=seen&r=all&live=0&sel=" + mark, "#g=seen&r=all&live=0&vs=" + encodeURIComponent("g=other&r=all"), "#g=nosuch&r=all&live=0"]) {
            await go(hash);
            await until(hash, () => page.evaluate(() => document.querySelector("main").innerText.length > 40 && document.querySelector("[aria-busy]") === null));
            equal(`${scheme} ${hash.slice(0, 40)}: each text can be read`, await faint(), []);
        }
        await page.keyboard.press("?");
        equal(`${scheme}: the sheet of keys`, await faint(), []);
        await page.keyboard.press("Escape");
        equal(`${scheme}: the pictures' colours`, await faintFrames(), []);
    }
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "no-preference" });
}

let mark = "";
async function keys() {
    await go("#g=seen&r=all&live=0");
    await shown("seen");
    await page.locator("table.functions tbody tr").nth(1).click();
    await page.locator(".details").waitFor();
    mark = new URLSearchParams((await page.evaluate(() => location.hash)).slice(1)).get("sel");
    await page.reload();
    await shown("seen");
    await page.locator(".details").waitFor();
    const seen = [], problems = [];
    for (let i = 0; i < 120; i++) {
        await page.keyboard.press("Tab");
        const at = await page.evaluate(() => {
            const element = document.activeElement, style = getComputedStyle(element);
            if (element === document.body)
                return null;
            element.dataset.reached = "1";
            const name = element.getAttribute("aria-label") ?? (element.labels?.[0]?.textContent || element.textContent.trim() || element.title);
            return { name, isVisible: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 || element.matches(".skip") };
        });
        if (at === null)
            break;
        seen.push(at.name);
        if (!at.isVisible || !at.name)
            problems.push(at);
    }
    equal("each focus is visible and has a name", problems, []);
    equal("Tab reaches every control", await page.evaluate(() => [...document.querySelectorAll("a[href], button, input, select, canvas[tabindex]")]
        .filter((e) => e.checkVisibility() && !e.disabled && e.tabIndex >= 0 && !e.dataset.reached).map((e) => e.outerHTML.slice(0, 90))), []);
    check("the first is the way to the table", seen[0] === "Skip to the table", seen[0]);
    equal("each canvas, field and button tells what it is", await page.evaluate(() => [...document.querySelectorAll("canvas, input, select, button")]
        .filter((e) => !(e.getAttribute("aria-label") || e.labels?.length || e.textContent.trim() || e.title)).map((e) => e.outerHTML.slice(0, 80))), []);
}

async function motion() {
    await page.emulateMedia({ reducedMotion: "reduce" });
    equal("reduced motion: nothing moves", await page.evaluate(() => [...document.querySelectorAll("*")].filter((e) => getComputedStyle(e).transitionDuration.split(", ").some((d) => parseFloat(d) > 0)
        || getComputedStyle(e).animationName !== "none").length), 0);
}

await perform({ browser, page, sins }, async () => {
    await receiver.post("seen", TREE, { debugInfo: { genericMetrics: { samplesDroppedRingFull: 7, stacksTooDeep: 3 }, processName: "app", hostName: "box" } });
    await receiver.post("other", { children: { "app:main": { counts: count(500), children: { "app:gone": { counts: count(400) } } } } });
    for (const scenario of [keys, contrast, motion])
        await scenario();
});
await receiver.stop();
receiver.clean();
console.log(`${failures()} failed`);
process.exit(failures() === 0 ? 0 : 1);
