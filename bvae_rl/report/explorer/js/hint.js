// @ts-check
/** The one small sign that floats beside what the pointer is on. Screen readers have labels. */

import { element } from "./dom.js";

/** @type {{current: HTMLElement | null}} */
const sign = { current: null };

/**
 * @param {string} text
 * @param {number} x in the window
 * @param {number} y
 */
export function showHint(text, x, y) {
  if (!sign.current) {
    sign.current = element("div", { class: "hint", "aria-hidden": "true" });
    document.body.append(sign.current);
  }
  const box = sign.current;
  box.textContent = text;
  box.hidden = false;
  const { offsetWidth: w, offsetHeight: h } = box;
  const left = Math.min(x + 14, innerWidth - w - 6);
  const above = y - h - 12;
  box.style.left = `${Math.max(6, left)}px`;
  box.style.top = `${above > 6 ? above : y + 20}px`;
}

export function hideHint() {
  if (sign.current) sign.current.hidden = true;
}
