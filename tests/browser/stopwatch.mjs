// How long it takes from `pando run` to the first drawn graph in Chromium: what somebody waits who opens the address at once.
//
// Usage: node stopwatch.mjs PATH-OF-pando ROUNDS COMMAND ARGS...     (prints the seconds of each round)
import { spawn } from "node:child_process";
import { openBrowser } from "./browser.mjs";

const [pando, rounds, ...command] = process.argv.slice(2);
for (let round = 0; round < Number(rounds); round++) {
    const begin = performance.now();
    const program = spawn(pando, ["run", "--", ...command], { stdio: ["ignore", "ignore", "pipe"] });
    const url = await new Promise((resolve) => {
        let text = "";
        program.stderr.on("data", (piece) => {
            text += piece;
            const found = text.match(/http:\/\/\S+/);
            if (found)
                resolve(found[0]);
        });
    });
    const { browser, page } = await openBrowser(url);
    await page.goto(url);
    await page.waitForSelector(".whole canvas");
    await page.waitForFunction(() => document.querySelector("tbody tr") !== null);
    console.log(((performance.now() - begin) / 1000).toFixed(1));
    await browser.close();
    const end = new Promise((resolve) => program.on("exit", resolve));
    program.kill("SIGTERM");
    await end;
}
