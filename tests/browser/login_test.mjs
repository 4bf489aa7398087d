// A receiver that wants a token: the form to log in, in a real browser, and what its cookie is good for.
//
// Usage: node login_test.mjs PATH-OF-pando
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check, equal, failures, openBrowser, startReceiver } from "./browser.mjs";

const TOKEN = "browser-token-0123456789";
const folder = mkdtempSync(join(tmpdir(), "pando-login-"));
writeFileSync(join(folder, "tokens"), TOKEN + "\n", { mode: 0o600 });
const receiver = await startReceiver(process.argv[2], "--bearer-token-file", join(folder, "tokens"));
const { browser, page, sins } = await openBrowser(receiver.url);

await page.goto(receiver.url + "/#g=some&sort=name");
await page.waitForSelector("#login");
equal("who is not logged in gets a form", await page.title(), "Pando: log in");
equal("where the token goes has the focus", await page.evaluate(() => document.activeElement?.id), "token");
await page.keyboard.type("not-the-token-0123456789");
await page.keyboard.press("Enter");
await page.waitForFunction(() => document.querySelector("#status")?.textContent !== "");
equal("a wrong token is told in a sentence", await page.locator("#status").innerText(), "This is not one of the receiver's tokens.");
await page.keyboard.type(TOKEN); // what was wrong is selected
await page.keyboard.press("Enter");
await page.waitForSelector("#brand");
check("a right one brings the page, where it was", page.url().endsWith("/#g=some&sort=name"), page.url());
equal("no script sees the cookie", await page.evaluate(() => document.cookie), "");
equal("the page may read", await page.evaluate(async () => (await fetch("/api/v1/groups")).status), 200);
equal("but not call the service", await page.evaluate(async () => (await fetch("/profilingGroups")).status), 403);
const [cookie] = await page.context().cookies();
equal("the cookie", [cookie.httpOnly, cookie.sameSite, cookie.secure, cookie.path], [true, "Strict", false, "/"]);
await page.context().clearCookies();
await page.reload();
await page.waitForSelector("#login");
check("without it there is the form again", true);
const serious = sins.filter((sin) => !/status of 40[13]/.test(sin));
equal("nothing else went wrong, and nobody else was asked", serious, []);
await browser.close();
await receiver.stop();
receiver.clean();
rmSync(folder, { recursive: true });
process.exit(failures() === 0 ? 0 : 1);
