// @ts-check

/**
 * An element with attributes and children; a string becomes text, never markup.
 *
 * `true` sets an attribute without a value; `false`, null and undefined leave it out. There is no
 * way to give a style or a handler: those are set on the element.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on") || key === "style") throw new Error(`set ${key} on the element`);
    made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

/**
 * A button that does something.
 *
 * @param {string} text
 * @param {() => void} act
 * @param {Record<string, string | number | boolean>} [attributes]
 */
export function button(text, act, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", act);
  return made;
}

/**
 * A canvas that a screen reader reads as a picture of this description.
 *
 * @param {string} description
 * @param {string} [look] its class
 */
export function picture(description, look = "picture") {
  return element("canvas", { role: "img", "aria-label": description, class: look });
}
