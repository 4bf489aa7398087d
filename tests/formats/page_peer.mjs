// A page that `pando report -o FILE.html` wrote, in Debian's Chromium, from the disk: what it shows, asks for and complains about.
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"] });
try {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    const requests = [], problems = [];
    page.on("request", (request) => request.url().startsWith("data:") || requests.push(request.url()));
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(String(error)));
    await page.goto(pathToFileURL(process.argv[2]).href);
    await page.locator("tbody tr").first().waitFor();
    // Nowhere to go from here but back to the same.
    await page.keyboard.press("g");
    await page.locator("tbody tr").first().waitFor();
    const rows = await page.locator("tbody tr").evaluateAll((all) => all.map((row) => [...row.querySelectorAll("td, th")].map((cell) => cell.textContent.trim())));
    const elements = await page.locator("tbody script, tbody b").count();
    console.log(JSON.stringify({ requests, problems, rows, elements, title: await page.title() }));
} finally {
    await browser.close();
}
