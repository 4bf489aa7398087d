// Why: how the tests read and work the page: where its parts are is said here once.

/** @param {string} url of the receiver */
export function drive(page, url) {
    const text = (selector) => page.locator(selector).first().innerText();
    const plain = async (selector) => (await text(selector)).replace(/\u00a0|\u202f/g, " ");
    return {
        text, plain,
        go: async (hash) => {
            await page.goto("about:blank");
            await page.goto(url + "/" + hash);
        },
        shown: (group) => page.waitForFunction((g) => document.title.startsWith(g) && !document.querySelector(".content").hidden
            && [...document.querySelectorAll(".picture canvas")].some((canvas) => canvas.offsetParent === null || canvas.dataset.painted !== undefined)
            && !document.querySelector(".group-view").hasAttribute("aria-busy"), group),
        hash: () => page.evaluate(() => location.hash),
        /** The rows of the table that are there. */
        rows: () => page.locator("table.functions tbody tr[data-frame]").evaluateAll((list) => list.map((row) => ({
            name: row.querySelector(".name").innerText, object: row.querySelector(".object").innerText.trim(),
            selfNs: Number(row.cells[0].dataset.ns), totalNs: Number(row.cells[2].dataset.ns) }))),
        crumbs: async () => (await page.locator(".crumb").allInnerTexts()).join(" > "),
        chips: async () => (await page.locator(".chip").allInnerTexts()).map((chip) => chip.replaceAll("\n", " ").replace(/ ×$/, "")),
        /** Where a share of the width in a row of the graph is. */
        spot: async (share, row, selector = ".whole canvas") => {
            await page.locator(selector).scrollIntoViewIfNeeded();
            const box = await page.locator(selector).boundingBox();
            return [box.x + box.width * share, box.y + 19 * row + 9];
        },
        choose: (label) => page.getByRole("menuitem", { name: label }).click(),
    };
}
