// Why: the pictures of docs/ show the page as it is: made anew by script/screenshots, of Debian's C++ compiler at work.
//
// Usage: node screenshots.mjs PATH-OF-pando FOLDER
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBrowser, startReceiver } from "./browser.mjs";
import { drive } from "./drive.mjs";
import { HOT, templates } from "./programs.mjs";

const [pando, out] = process.argv.slice(2);
const receiver = await startReceiver(pando);
const { browser, page } = await openBrowser(receiver.url);
const { go, shown } = drive(page, receiver.url);
const folder = mkdtempSync(join(tmpdir(), "pando-demo-"));

function run(group, command) {
    execFileSync(pando, ["run", "--url", receiver.url, "--group", group, "--rate", "1000", "--interval", "2", "--top", "0", "--", ...command], { cwd: folder, stdio: "ignore" });
}

/** @param {string} name @param {string} hash @param {"light" | "dark"} colorScheme @param {() => Promise<void>} [before] */
async function shoot(name, hash, colorScheme, before) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await go(hash);
    await shown(/g=([\w-]+)/.exec(hash)[1]);
    await before?.();
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    await page.screenshot({ path: join(out, name) });
    console.log(join(out, name));
}

const select = async (name) => {
    await page.locator("input[type=search]").fill("=" + name);
    await page.locator("table.functions tbody tr").first().click();
    await page.locator("input[type=search]").fill("");
    await page.locator("input[type=search]").blur();
    await page.mouse.move(1, 1);
    await page.evaluate(() => scrollTo(0, 0));
};

writeFileSync(join(folder, "templates.cc"), templates(40));
writeFileSync(join(folder, "churn.c"), HOT);
for (const level of ["-O1", "-O2"])
    run("compiler" + level.toLowerCase(), ["g++", "-std=c++17", level, "-c", "templates.cc", "-o", "templates.o"]);
execFileSync("gcc", ["-O1", "-g", join(folder, "churn.c"), "-o", join(folder, "churn")]);
run("churn", ["./churn"]);

await page.setViewportSize({ width: 1400, height: 880 });
await shoot("page.png", "#g=compiler-o2&r=all&live=0", "light", async () => {
    await page.mouse.move(...(await drive(page, receiver.url).spot(0.4, 12)));
    await page.locator("#tooltip").waitFor();
});
await shoot("page-compare.png", `#g=compiler-o2&r=all&live=0&vs=${encodeURIComponent("g=compiler-o1&r=all")}`, "dark");
await shoot("page-sandwich.png", "#g=compiler-o2&r=all&live=0&view=sandwich", "light", () => select("walk_tree_1"));
await shoot("page-source.png", "#g=churn&r=all&live=0&view=source", "light", async () => {
    await select("churn");
    await page.locator(".line.chosen").first().waitFor();
});
await browser.close();
await receiver.stop();
receiver.clean();
rmSync(folder, { recursive: true });
