// @ts-check
// Why: logs in with a token. The cookie that comes back is no script's business; the page is loaded again, where it was.

const form = /** @type {HTMLFormElement} */ (document.getElementById("login"));
const token = /** @type {HTMLInputElement} */ (document.getElementById("token"));
const status = /** @type {HTMLElement} */ (document.getElementById("status"));

/** @param {Response} response */
async function sentence(response) {
    try {
        return (await response.json()).message;
    } catch {
        return "The receiver answered with status " + response.status + ".";
    }
}

form.addEventListener("submit", async (event) => {
    event.preventDefault();
    status.textContent = "";
    try {
        const response = await fetch("api/v1/login", {
            method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token: token.value.trim() }) });
        if (response.ok)
            location.reload();
        else
            status.textContent = await sentence(response);
    } catch {
        status.textContent = "The receiver does not answer. Is it still running?";
    }
    token.select();
});

export {}; // a module: its names are its own
