// @ts-check
// Why: builds elements from data. Text is always a text node: names come from other people's programs and are never markup.

/**
 * @param {string} tag "tag" or "tag.class"
 * @param {Record<string, any>} [attributes] "on..." are listeners; null and false are left out
 * @param {...(Node | string | number | null | undefined)} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
    const [name, ...classes] = tag.split(".");
    const element = document.createElement(name);
    if (classes.length)
        element.className = classes.join(" ");
    for (const [key, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false)
            continue;
        if (key.startsWith("on"))
            element.addEventListener(key.slice(2), value);
        else
            element.setAttribute(key, value === true ? "" : String(value));
    }
    for (const child of children)
        if (child !== null && child !== undefined)
            element.append(child instanceof Node ? child : String(child));
    return element;
}

/** @param {string} id @returns {any} */
export function byId(id) {
    return document.getElementById(id);
}
