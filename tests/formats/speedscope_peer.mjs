// The table of speedscope's sandwich view for a file, in Debian's Chromium: [name, self %, total %]. Its page is served from here.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { basename, dirname, extname, join } from "node:path";
import { chromium } from "playwright-core";

const file = process.argv[2];
const release = join(dirname(createRequire(import.meta.url).resolve("speedscope/package.json")), "dist/release");
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
const server = createServer((request, answer) => {
    const name = decodeURIComponent(new URL(request.url, "http://x").pathname).slice(1) || "index.html";
    const path = name === basename(file) ? file : join(release, basename(name));
    try {
        answer.writeHead(200, { "Content-Type": types[extname(path)] ?? "application/octet-stream" }).end(readFileSync(path));
    } catch {
        answer.writeHead(404).end();
    }
}).listen(0, "127.0.0.1");
await once(server, "listening");
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-component-update"],
});
try {
    const page = await browser.newPage();
    await page.goto(`${origin}/index.html#profileURL=${encodeURIComponent(`${origin}/${basename(file)}`)}`);
    await page.getByText("Sandwich").first().click();
    const row = page.locator("tr", { hasText: "%" });
    await row.first().waitFor();
    const rows = await row.evaluateAll((all) => all.map((one) => [...one.querySelectorAll("td")].map((cell) => cell.innerText)));
    const percent = (text) => {
        const found = /\(([<>]?)([0-9.]+)%\)/.exec(text);
        return found === null ? NaN : Number(found[2]);
    };
    console.log(JSON.stringify({ rows: rows.map(([total, self, name]) => [name.trim(), percent(self), percent(total)]) }));
} finally {
    await browser.close();
    server.close();
}
