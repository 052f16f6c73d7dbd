// @ts-check
/**
 * Small pictures in a row, with a word under each.
 *
 * @typedef {import("./types.js").App} App
 */

import { element } from "./dom.js";

/**
 * @param {App} app
 */
export function makeStrip(app) {
  const row = element("div", { class: "film", role: "img" });
  const title = element("p", { class: "film-title" });
  const place = element("div", { class: "filmed" }, title, row);

  /**
   * @param {string} words
   * @param {(Uint8ClampedArray | null)[]} pictures RGBA; null leaves a gap
   * @param {string[]} captions
   */
  function fill(words, pictures, captions) {
    title.textContent = words;
    row.setAttribute("aria-label", `${words}: ${captions.join(", ")}`);
    while (row.children.length > pictures.length) row.lastElementChild?.remove();
    while (row.children.length < pictures.length) {
      const canvas = element("canvas", { class: "picture" });
      row.append(element("figure", {}, canvas, element("figcaption", {})));
    }
    for (const [n, rgba] of pictures.entries()) {
      const [canvas, caption] = row.children[n].children;
      const vae = app.vae();
      app.draw(
        /** @type {HTMLCanvasElement} */ (canvas),
        rgba ?? new Uint8ClampedArray(4 * vae.width * vae.height),
      );
      caption.textContent = captions[n] ?? "";
    }
  }
  return { place, fill };
}
