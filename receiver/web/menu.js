// @ts-check
// Why: what can be done with a frame, where the pointer or the focus is. A menu as the keys of one expect it.

import { h } from "./dom.js";

/** @typedef {{label: string, key?: string, run: () => void} | null} Item null: a line between two */

/** @type {(() => void) | null} */
let closeOpen = null;

/** @param {string} title @param {Item[]} items @param {number} x @param {number} y */
export function openMenu(title, items, x, y) {
    closeOpen?.();
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const buttons = items.map((item) => item === null ? h("hr", { role: "separator" }) : h("button", { type: "button", role: "menuitem", tabindex: -1, onclick: () => {
        close();
        item.run();
    } }, item.label, item.key ? h("kbd", { "aria-hidden": "true" }, item.key) : null));
    const menu = h("div.menu", { role: "menu", "aria-label": title, onkeydown: onKey, onfocusout: onFocusOut, oncontextmenu: (/** @type {Event} */ event) => event.preventDefault() },
        h("div.menu-title", { "aria-hidden": "true" }, title), ...buttons);
    const usable = /** @type {HTMLButtonElement[]} */ (buttons.filter((button) => button.tagName === "BUTTON"));
    document.body.append(menu);
    const box = menu.getBoundingClientRect();
    menu.style.left = Math.max(8, Math.min(x, innerWidth - box.width - 8)) + "px";
    menu.style.top = Math.max(8, Math.min(y, innerHeight - box.height - 8)) + "px";
    const onPointer = (/** @type {Event} */ event) => !menu.contains(/** @type {Node} */ (event.target)) && close();
    document.addEventListener("pointerdown", onPointer, true);
    usable[0]?.focus();

    function close() {
        document.removeEventListener("pointerdown", onPointer, true);
        closeOpen = null;
        const hadFocus = menu.contains(document.activeElement);
        menu.remove();
        if (hadFocus)
            before?.focus();
    }
    closeOpen = close;

    /** @param {FocusEvent} event */
    function onFocusOut(event) {
        if (event.relatedTarget instanceof Node && !menu.contains(event.relatedTarget) && menu.isConnected)
            close();
    }

    /** @param {KeyboardEvent} event */
    function onKey(event) {
        const at = usable.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
        const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: usable.length - 1 }[event.key];
        if (event.key === "Escape" || event.key === "Tab")
            close();
        else if (to !== undefined)
            usable[(to + usable.length) % usable.length].focus();
        else if (event.key !== "Enter" && event.key !== " ")
            return event.stopPropagation(); // the page's keys are not the menu's
        else
            return event.stopPropagation();
        event.preventDefault();
        event.stopPropagation();
    }
}
