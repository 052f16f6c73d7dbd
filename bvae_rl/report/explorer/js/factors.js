// @ts-check
/**
 * The world moves one true factor: what it shows, what every latent does, and what the VAE draws
 * when it moves the latent that does most.
 *
 * @typedef {import("./types.js").App} App
 * @typedef {import("./types.js").Packed} Packed
 * @typedef {import("./values.js").Factor & {values: number[], there: boolean[], pictures: Packed,
 *   codes: Packed[]}} Moved
 */

import { bestFactor } from "./best.js";
import { short } from "./chart.js";
import { element, picture } from "./dom.js";
import { makePlayer } from "./player.js";
import { makeResponses, responsesOf } from "./responses.js";
import { makeStrip } from "./strip.js";
import { moved, row, withUnit } from "./values.js";

/**
 * @param {HTMLElement} section
 * @param {App} app
 */
export function mount(section, app) {
  /** @type {Moved[]} */
  const factors = app.payload.factor_traversals.factors;
  let k = bestFactor(app, factors);
  /** @type {number[]} */
  let there = [];
  /** @type {Uint8Array} */
  let base;
  let latent = 0;

  const select = element("select", { id: "moved-factor" });
  for (const [n, factor] of factors.entries())
    select.append(element("option", { value: n }, withUnit(factor)));
  select.value = String(k);
  const which = element("select", { id: "moved-latent" });
  const player = makePlayer({
    id: "moved-value",
    label: "value",
    count: factors[k].values.length,
    rate: 4,
    words: (n) => short(factors[k].values[there[n] ?? 0]),
    move: go,
  });
  const shown = picture("the world");
  const decoded = picture("the reconstruction");
  const responses = makeResponses();
  const [world, drawn] = [makeStrip(app), makeStrip(app)];
  const figure = (/** @type {HTMLElement} */ of, /** @type {string} */ text) =>
    element("figure", {}, of, element("figcaption", {}, text));
  const choices = element(
    "div",
    { class: "buttons" },
    element("label", { for: "moved-factor" }, "The world moves ", select),
    element("label", { for: "moved-latent" }, "beside it the VAE moves ", which),
  );
  const two = element("div", { class: "two" }, figure(shown, "world"), figure(decoded, "VAE"));
  section.append(
    choices,
    element(
      "div",
      { class: "moved" },
      element("div", {}, two, player.place),
      element("div", {}, responses.place, responses.words),
    ),
    world.place,
    drawn.place,
  );

  /** @param {number} n */
  function go(n) {
    if (!there.length) return;
    const frame = /** @type {Uint8Array} */ (row(factors[k].pictures, n));
    const vae = app.vae();
    const text = `${factors[k].name} at ${short(factors[k].values[there[n]])}`;
    app.draw(shown, vae.picture(frame));
    app.draw(decoded, vae.decode(vae.encode(frame)));
    shown.setAttribute("aria-label", `the world, ${text}`);
    decoded.setAttribute("aria-label", `the reconstruction, ${text}`);
    responses.go(there[n]);
  }

  function showLatent() {
    const vae = app.vae();
    const { name } = vae.entry.latents[latent];
    const codes = there.map((_, n) => vae.encode(row(factors[k].pictures, n))[latent]);
    const z = vae.encode(base);
    drawn.fill(
      `The VAE moves ${name} alone, as far as the world moved it`,
      codes.map((value) => vae.decode(moved(z, latent, value))),
      codes.map((value) => short(Number(value.toFixed(2)))),
    );
  }

  function showFactor() {
    const factor = factors[k];
    there = factor.there.flatMap((is, n) => (is ? [n] : []));
    base = /** @type {Uint8Array} */ (row(factor.pictures, Math.floor(there.length / 2)));
    const vae = app.vae();
    world.fill(
      `The world moves ${withUnit(factor)}`,
      there.map((_, n) => vae.picture(row(factor.pictures, n))),
      there.map((n) => short(factor.values[n])),
    );
    const found = responsesOf(factor.codes[app.state.vae], vae);
    responses.show(found, factor);
    latent = found[0].index;
    which.replaceChildren(
      ...found.map(({ index, name }) => element("option", { value: index }, name)),
    );
    which.value = String(latent);
    showLatent();
    player.resize(there.length);
  }
  select.addEventListener("change", () => {
    k = Number(select.value);
    showFactor();
  });
  which.addEventListener("change", () => {
    latent = Number(which.value);
    showLatent();
  });
  app.on("vae", showFactor);
  showFactor();
}
