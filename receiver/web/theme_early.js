// Why: a page that turns dark after it was painted light flashes. This runs before the first paint; theme.js does the rest.
try {
    const theme = localStorage.getItem("pando-theme");
    if (theme === "light" || theme === "dark")
        document.documentElement.dataset.theme = theme;
} catch {
    // No storage: the system's choice stays.
}
