// @ts-check
/**
 * Two frames that swap a group of their latents, as content and style: what disentanglement buys.
 *
 * @typedef {import("./types.js").App} App
 */

import { element, picture } from "./dom.js";
import { labelOf } from "./frames.js";

/**
 * @param {HTMLElement} section
 * @param {App} app
 */
export function mountSwap(section, app) {
  const place = element("div", {});
  section.append(place);

  function build() {
    const { groups } = app.vae().entry;
    const count = app.payload.frames.pictures.shape[0];
    place.replaceChildren();
    if (Object.keys(groups).length < 2)
      say(place, "The latents of this VAE are in no groups, so there is nothing to swap as one.");
    else if (count < 2) say(place, "There are fewer than two frames to swap between.");
    else place.append(swapTable(app));
  }
  app.on("vae", build);
  build();
}

/**
 * @param {HTMLElement} place
 * @param {string} text
 */
function say(place, text) {
  place.append(element("p", { class: "note" }, text));
}

/** @param {App} app */
function swapTable(app) {
  const vae = app.vae();
  const names = Object.keys(vae.entry.groups);
  const group = choice("swap-group", names.map(String), names.indexOf("content"));
  const [one, other] = ["swap-a", "swap-b"].map((id, n) => {
    const count = app.payload.frames.pictures.shape[0];
    const labels = Array.from({ length: count }, (_, index) => `frame ${index + 1}`);
    return choice(id, labels, n);
  });
  const style = names.length === 2 ? "the other group" : "all other groups";
  const frames = [picture("frame A"), picture("frame B")];
  const cells = ["A with A", "A with B", "B with A", "B with B"].map((text) => picture(text));

  function show() {
    const chosen = names[Number(group.value)];
    const rest = names.length === 2 ? names[1 - Number(group.value)] : "everything else";
    const [from, to] = vae.entry.groups[chosen];
    const taken = [one, other].map((select) => app.frame(Number(select.value)));
    const codes = taken.map((frame) => vae.encode(frame));
    for (const [n, frame] of taken.entries()) {
      app.draw(frames[n], vae.picture(frame), vae.width, vae.height);
      frames[n].setAttribute("aria-label", labelOf(app, Number([one, other][n].value)));
    }
    for (const [n, cell] of cells.entries()) {
      const [row, column] = [n >> 1, n & 1];
      const z = codes[column].slice();
      z.set(codes[row].subarray(from, to), from);
      app.draw(cell, vae.decode(z), vae.width, vae.height);
      cell.setAttribute("aria-label", `${chosen} of ${"AB"[row]}, ${rest} of ${"AB"[column]}`);
    }
    for (const [n, words] of heads.entries()) words.textContent = `${chosen} of ${"AB"[n]}`;
    for (const [n, words] of tops.entries()) words.textContent = `${rest} of ${"AB"[n]}`;
  }

  const heads = [element("span", {}), element("span", {})];
  const tops = [element("span", {}), element("span", {})];
  const table = element(
    "table",
    { class: "swap" },
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        element("td", {}),
        ...[0, 1].map((n) => element("th", { scope: "col" }, frames[n], tops[n])),
      ),
    ),
    element(
      "tbody",
      {},
      ...[0, 1].map((row) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, heads[row]),
          ...[0, 1].map((column) => element("td", {}, cells[2 * row + column])),
        ),
      ),
    ),
  );
  const settings = element(
    "div",
    { class: "buttons" },
    labelled("A", one),
    labelled("B", other),
    labelled("swap", group),
  );
  for (const select of [group, one, other]) select.addEventListener("change", show);
  show();
  const words = `Each row keeps the chosen latents of one frame, each column those of ${style}.`;
  const told = element("div", {}, element("p", {}, words), settings);
  return element("div", { class: "swap-columns" }, told, table);
}

/**
 * @param {string} id
 * @param {string[]} options
 * @param {number} chosen
 */
function choice(id, options, chosen) {
  const select = element("select", { id });
  for (const [value, text] of options.entries()) select.append(element("option", { value }, text));
  select.value = String(Math.max(0, chosen));
  return select;
}

/**
 * @param {string} text
 * @param {HTMLSelectElement} select
 */
function labelled(text, select) {
  return element("label", { for: select.id }, `${text} `, select);
}
