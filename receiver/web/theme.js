// @ts-check
// Why: light or dark: the system's choice, until the user makes another, which stays.

import { isDark } from "./colors.js";

export function toggleTheme() {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try {
        localStorage.setItem("pando-theme", theme);
    } catch {
        // It lasts as long as the page, then.
    }
}

/** Calls back when the colours change, whoever changed them. @param {() => void} callback */
export function onThemeChange(callback) {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", callback);
    new MutationObserver(callback).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
}
