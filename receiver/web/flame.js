// @ts-check
// Why: the flame graph as a part of the page: a canvas as large as what is visible, over a scroll area as tall as the tree is
// deep; mouse, touch and keys on it. It knows a tree and how to paint it, and nothing of the page around it.

import { h } from "./dom.js";
import { visibleShort } from "./format.js";
import { frameAt, nodeAt, paint, ROW } from "./flame_paint.js";
import { shortName } from "./names.js";

/** @typedef {import("./tree.js").Tree} Tree */
/**
 * @typedef {{zoom: number, flipped: boolean, rootLabel: string, fill: (node: number) => string, full: boolean}} Look
 * full: whole names, with parameters and template arguments
 * @param {{
 *   onZoom: (node: number) => void, onHover: (node: number | null, x: number, y: number) => void,
 *   onFocus: (node: number) => void, onMenu: (node: number, x: number, y: number) => void,
 * }} callbacks
 */
export function makeFlame(callbacks) {
    const canvas = /** @type {HTMLCanvasElement} */ (h("canvas", {
        tabindex: 0, role: "application", "aria-roledescription": "flame graph",
        "aria-label": "Call tree. Arrow keys move between frames, Enter zooms, M opens what can be done with a frame. The table of functions has the same data.",
    }));
    const spacer = h("div.spacer");
    const element = h("div.flame", {}, h("div.pin", {}, canvas), spacer);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    /** @type {import("./flame_paint.js").Picture | null} */
    let picture = null;
    let wanted = 0;

    function readStyle() {
        const css = getComputedStyle(element);
        const value = (/** @type {string} */ name) => css.getPropertyValue(name).trim();
        return {
            ink: value("--flame-ink"), dim: value("--flame-dim"), dimInk: value("--flame-dim-ink"), rest: value("--flame-rest"),
            hit: value("--flame-hit"), hitInk: value("--flame-hit-ink"), focus: value("--focus"),
            font: "12px " + value("--font"),
        };
    }

    function measure() {
        if (picture === null)
            return;
        picture.width = element.clientWidth;
        picture.rows = picture.tree.height[picture.zoom] + 1;
        spacer.style.height = picture.rows * ROW + "px";
        picture.width = element.clientWidth; // a scroll bar may have come or gone
        picture.height = element.clientHeight;
        const ratio = window.devicePixelRatio || 1;
        const [width, height] = [Math.round(picture.width * ratio), Math.round(picture.height * ratio)];
        if (canvas.width !== width || canvas.height !== height) {
            canvas.width = width;
            canvas.height = height;
            canvas.style.width = picture.width + "px";
            canvas.style.height = picture.height + "px";
        }
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
    }

    function draw() {
        wanted = 0;
        if (picture === null)
            return;
        const began = performance.now();
        measure();
        picture.scrollTop = element.scrollTop;
        const painted = paint(context, picture);
        canvas.dataset.painted = String(painted);
        canvas.dataset.paintMs = (performance.now() - began).toFixed(1);
        canvas.dataset.draws = String(Number(canvas.dataset.draws ?? 0) + 1);
    }

    function drawSoon() {
        if (wanted === 0)
            wanted = requestAnimationFrame(draw);
    }

    function toStart() {
        element.scrollTop = picture !== null && picture.flipped ? element.scrollHeight : 0;
    }

    const nodeUnder = (/** @type {MouseEvent} */ event) => {
        if (picture === null)
            return null;
        const box = canvas.getBoundingClientRect();
        picture.scrollTop = element.scrollTop; // it may have moved since it was painted
        return nodeAt(picture, event.clientX - box.left, event.clientY - box.top);
    };
    /** @param {number | null} node */
    function hover(node) {
        if (picture === null || picture.hover === node)
            return;
        picture.hover = node;
        drawSoon();
    }
    canvas.addEventListener("mousemove", (event) => {
        const node = nodeUnder(event);
        canvas.style.cursor = node === null ? "default" : "pointer";
        hover(node);
        callbacks.onHover(node, event.clientX, event.clientY);
    });
    canvas.addEventListener("mouseleave", () => {
        hover(null);
        callbacks.onHover(null, 0, 0);
    });
    canvas.addEventListener("contextmenu", (event) => {
        const node = nodeUnder(event);
        if (node === null)
            return;
        event.preventDefault();
        callbacks.onMenu(node, event.clientX, event.clientY);
    });
    canvas.addEventListener("click", (event) => {
        const node = nodeUnder(event);
        if (node !== null)
            callbacks.onZoom(node);
    });
    element.addEventListener("scroll", () => {
        callbacks.onHover(null, 0, 0);
        drawSoon();
    });
    new ResizeObserver(drawSoon).observe(element);

    /** The frame that the keys are on. @param {number} node */
    function focusNode(node) {
        if (picture === null)
            return;
        picture.focus = node;
        const row = picture.tree.depth[node] - picture.tree.depth[picture.zoom];
        const top = (picture.flipped ? picture.rows - 1 - row : row) * ROW;
        if (top < element.scrollTop || top + ROW > element.scrollTop + element.clientHeight)
            element.scrollTop = top - element.clientHeight / 2;
        callbacks.onFocus(node);
        drawSoon();
    }

    /** @param {string} key @returns {number | null} */
    function neighbour(key) {
        if (picture === null)
            return null;
        const { tree, zoom } = picture, node = picture.focus ?? zoom;
        const { parent, childFrom, children } = tree;
        const deeper = picture.flipped ? "ArrowUp" : "ArrowDown", back = picture.flipped ? "ArrowDown" : "ArrowUp";
        if (key === deeper)
            return childFrom[node] < childFrom[node + 1] ? children[childFrom[node]] : node;
        if (node === zoom)
            return node;
        if (key === back)
            return parent[node];
        const from = childFrom[parent[node]], to = childFrom[parent[node] + 1];
        const at = children.subarray(from, to).indexOf(node) + (key === "ArrowRight" ? 1 : -1);
        return at >= 0 && at < to - from ? children[from + at] : node;
    }

    canvas.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.altKey || event.metaKey || picture === null)
            return;
        if (event.key.startsWith("Arrow")) {
            focusNode(/** @type {number} */ (neighbour(event.key)));
        } else if (event.key === "Enter") {
            callbacks.onZoom(picture.focus ?? picture.zoom);
        } else if (event.key === "m" || event.key === "ContextMenu" || event.key === "F10" && event.shiftKey) {
            const node = picture.focus ?? picture.zoom, box = canvas.getBoundingClientRect(), at = frameAt(picture, node);
            callbacks.onMenu(node, box.left + at.x + Math.min(at.width / 2, 40), box.top + at.y + ROW);
        } else {
            return;
        }
        event.preventDefault();
    });
    canvas.addEventListener("blur", () => {
        if (picture !== null && picture.focus !== null) {
            picture.focus = null;
            drawSoon();
        }
    });

    return {
        element,
        canvas,
        /** @param {Tree} tree @param {Look} look */
        show(tree, { zoom, flipped, rootLabel, fill, full }) {
            const moved = picture === null || picture.zoom !== zoom || picture.flipped !== flipped;
            const isSame = picture !== null && picture.tree === tree;
            /** @type {string[]} */
            const labels = new Array(tree.frames.length);
            const labelOf = (/** @type {number} */ node) => {
                const which = tree.frame[node], { name } = tree.frames[which];
                return node === 0 ? rootLabel : (labels[which] ??= visibleShort((full ? name : shortName(name)) || "(nameless)"));
            };
            picture = {
                tree, zoom, flipped, fill, width: 0, height: 0, rows: 1, scrollTop: 0, label: labelOf, hover: null,
                focus: isSame && picture !== null ? picture.focus : null, lit: isSame && picture !== null ? picture.lit : null, style: readStyle(),
            };
            measure();
            if (moved)
                toStart();
            drawSoon();
        },
        /** @param {Uint8Array | null} lit */
        light(lit) {
            if (picture !== null)
                picture.lit = lit;
            drawSoon();
        },
    };
}
