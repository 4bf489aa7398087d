// @ts-check
// Why: a button with a panel under it, for what is not always needed: closes by Escape, by a click elsewhere, and when the focus leaves.

import { h } from "./dom.js";

/** @param {string} label @param {string} title @param {Node[]} content @param {() => void} [onOpen] */
export function makePopover(label, title, content, onOpen) {
    const panel = h("div.panel", { role: "dialog", "aria-label": title, tabindex: -1 }, ...content);
    const button = h("button.plain.more-button", { type: "button", title, "aria-haspopup": "dialog", "aria-expanded": "false", onclick: () => toggle() }, label);
    const element = h("div.popover", {}, button, panel);
    panel.hidden = true;

    function toggle(open = panel.hidden) {
        if (open === !panel.hidden)
            return;
        panel.hidden = !open;
        button.setAttribute("aria-expanded", String(open));
        if (open) {
            onOpen?.();
            panel.classList.remove("to-left");
            panel.classList.toggle("to-left", panel.getBoundingClientRect().right > document.documentElement.clientWidth - 8);
            (panel.querySelector("input, select, button, a") ?? panel).focus();
        }
    }
    document.addEventListener("pointerdown", (event) => {
        if (!panel.hidden && event.target instanceof Node && !element.contains(event.target))
            toggle(false);
    });
    element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Escape" || panel.hidden)
            return;
        event.stopPropagation();
        toggle(false);
        button.focus();
    });
    element.addEventListener("focusout", (/** @type {FocusEvent} */ event) => {
        if (event.relatedTarget instanceof Node && !element.contains(event.relatedTarget))
            toggle(false);
    });
    return { element, button, close: () => toggle(false) };
}
