// @ts-check
// Why: paints the call tree, and finds what is under a point. Only what can be seen is visited: children come heaviest first,
// so at the first one thinner than a pixel the rest of the row becomes one grey piece.

/** @typedef {import("./tree.js").Tree} Tree */

export const ROW = 19;
const THIN = 0.7;          // CSS pixels
const LABEL_FROM = 26;
const PADDING = 4;

/**
 * @typedef {{
 *   tree: Tree, zoom: number, flipped: boolean, width: number, height: number, rows: number, scrollTop: number,
 *   label: (node: number) => string, fill: (node: number) => string, lit: Uint8Array | null, focus: number | null, hover: number | null,
 *   style: {ink: string, dim: string, dimInk: string, rest: string, hit: string, hitInk: string, focus: string, font: string},
 * }} Picture width and height: of the window on it; rows: of the whole; label and fill: text and colour of a node; lit: frames that
 * stand out; null: all alike.
 */

/** The top of a row in the window. @param {Picture} p @param {number} row */
function rowTop(p, row) {
    return (p.flipped ? p.rows - 1 - row : row) * ROW - p.scrollTop;
}

/** Shortens a text to a width, by the letter widths of the font. @param {CanvasRenderingContext2D} context */
function makeFitter(context) {
    const wide = context.measureText("…").width;
    /** @type {Map<string, number>} */
    const widths = new Map();
    return (/** @type {string} */ text, /** @type {number} */ room) => {
        let width = 0, fits = 0;
        for (let i = 0; i < text.length; i++) {
            let w = widths.get(text[i]);
            if (w === undefined)
                widths.set(text[i], (w = context.measureText(text[i]).width));
            width += w;
            if (width + wide <= room)
                fits = i + 1;
            else if (width > room)
                return fits > 1 ? text.slice(0, fits) + "…" : "";
        }
        return text;
    };
}

/** @param {CanvasRenderingContext2D} context @param {Picture} p @returns {number} rectangles painted */
export function paint(context, p) {
    const { tree, zoom, lit, style } = p;
    const { x, total, frame, childFrom, children, depth } = tree;
    context.clearRect(0, 0, p.width, p.height);
    if (!(total[zoom] > 0))
        return 0;
    const scale = p.width / total[zoom], left = x[zoom], topDepth = depth[zoom];
    const fits = (context.font = style.font, makeFitter(context));
    context.textBaseline = "middle";
    let painted = 0;
    const stack = [zoom];
    while (stack.length > 0) {
        const node = /** @type {number} */ (stack.pop());
        const row = depth[node] - topDepth, top = rowTop(p, row);
        if (!p.flipped && top > p.height || p.flipped && top + ROW < 0)
            continue;
        const at = (x[node] - left) * scale, width = total[node] * scale;
        if (top + ROW >= 0 && top <= p.height) {
            const isLit = lit === null || lit[frame[node]] === 1;
            context.fillStyle = isLit ? (lit === null ? p.fill(node) : style.hit) : style.dim;
            context.fillRect(at, top, width > 3 ? width - 1 : Math.max(width, THIN), ROW - 1);
            painted++;
            if (width > LABEL_FROM) {
                const label = fits(p.label(node), width - 2 * PADDING);
                if (label !== "") {
                    context.fillStyle = isLit ? (lit === null ? style.ink : style.hitInk) : style.dimInk;
                    context.fillText(label, at + PADDING, top + ROW / 2);
                }
            }
            if (node === p.focus || node === p.hover) {
                context.strokeStyle = node === p.focus ? style.focus : style.ink;
                context.lineWidth = node === p.focus ? 2 : 1;
                context.strokeRect(at + 1, top + 1, Math.max(width - 3, 1), ROW - 3);
            }
        }
        const end = childFrom[node + 1];
        for (let k = childFrom[node]; k < end; k++) {
            const child = children[k];
            if (total[child] * scale >= THIN) {
                stack.push(child);
                continue;
            }
            const last = children[end - 1], restTop = rowTop(p, row + 1);
            const restAt = (x[child] - left) * scale, restWidth = (x[last] + total[last] - left) * scale - restAt;
            if (restWidth >= THIN && restTop + ROW >= 0 && restTop <= p.height) {
                context.fillStyle = style.rest;
                context.fillRect(restAt, restTop, restWidth, ROW - 1);
                painted++;
            }
            break;
        }
    }
    return painted;
}

/** Where a node is in the window. @param {Picture} p @param {number} node */
export function frameAt(p, node) {
    const { tree, zoom } = p, scale = p.width / tree.total[zoom];
    return { x: (tree.x[node] - tree.x[zoom]) * scale, y: rowTop(p, tree.depth[node] - tree.depth[zoom]), width: tree.total[node] * scale };
}

/** The node at a point of the window, or null. @param {Picture} p @param {number} px @param {number} py */
export function nodeAt(p, px, py) {
    const { tree, zoom } = p;
    const { x, total, childFrom, children } = tree;
    const line = Math.floor((py + p.scrollTop) / ROW);
    const row = p.flipped ? p.rows - 1 - line : line;
    if (row < 0 || px < 0 || px >= p.width || !(total[zoom] > 0))
        return null;
    const at = x[zoom] + (px / p.width) * total[zoom];
    let node = zoom;
    for (let i = 0; i < row; i++) {
        let low = childFrom[node], high = childFrom[node + 1];
        while (low < high) { // the last child that begins at or before the point
            const middle = (low + high) >> 1;
            if (x[children[middle]] <= at)
                low = middle + 1;
            else
                high = middle;
        }
        if (low === childFrom[node])
            return null;
        const child = children[low - 1];
        if (at >= x[child] + total[child] || total[child] * (p.width / total[zoom]) < THIN)
            return null;
        node = child;
    }
    return node;
}
