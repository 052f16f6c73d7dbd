// @ts-check
/**
 * One latent and one factor: how they lie together, what the world shows when the factor is moved,
 * and what the VAE draws when the latent is.
 *
 * @typedef {import("./types.js").App} App
 * @typedef {import("./matrix.js").Matrix} Matrix
 */

import { element } from "./dom.js";
import { interval } from "./interval.js";
import { makeScatter } from "./scatter.js";
import { makeStrip } from "./strip.js";
import { short } from "./chart.js";
import { column, moved, path, row, withUnit } from "./values.js";

/**
 * @param {App} app
 * @param {Matrix} matrix
 */
export function makePair(app, matrix) {
  const title = element("h3", {});
  const numbers = element("p", { class: "said", role: "status" });
  const scatter = makeScatter();
  const world = makeStrip(app);
  const drawn = makeStrip(app);
  const strips = element("div", {}, world.place, drawn.place);
  const place = element("div", { class: "looked-at" }, title, numbers, scatter.place, strips);

  /**
   * @param {number} latent
   * @param {number} k
   */
  function show(latent, k) {
    const chosen = app.state.vae;
    const vae = app.vae();
    const { name } = vae.entry.latents[latent];
    const factor = matrix.factors[k];
    const scored = matrix.vaes[chosen];
    const at = latent * matrix.factors.length + k;
    title.textContent = `${name} and ${factor.name}`;
    const part = (/** @type {"information" | "importance" | "r2"} */ measure) =>
      interval(scored[measure], at);
    numbers.textContent = `${title.textContent}: information ${part("information")}, importance ${part(
      "importance",
    )}, probe R\u00b2 ${part("r2")}.`;
    scatter.show(
      {
        xs: column(matrix.points, k),
        ys: column(scored.codes, latent),
        x: withUnit(factor),
        y: name,
      },
      `Scatter: ${withUnit(factor)} across, ${name} upwards. Information ${part("information")}.`,
    );
    const z = showWorld(factor.name) ?? app.state.z;
    const steps = path(app, chosen, latent);
    drawn.fill(
      `The VAE moves ${name}`,
      steps.map(({ value }) => vae.decode(moved(z, latent, value))),
      steps.map(({ text }) => text),
    );
  }

  /**
   * The world's pictures, and the code of the middle one; null where it cannot move the factor.
   *
   * @param {string} factor
   */
  function showWorld(factor) {
    const found = app.payload.factor_traversals?.factors.find(
      (/** @type {any} */ one) => one.name === factor,
    );
    world.place.hidden = !found;
    if (!found) return null;
    const vae = app.vae();
    /** @type {number[]} */
    const there = found.there.flatMap((/** @type {boolean} */ is, /** @type {number} */ n) =>
      is ? [n] : [],
    );
    world.fill(
      `The world moves ${withUnit(found)}`,
      there.map((_, n) => vae.picture(row(found.pictures, n))),
      there.map((n) => short(found.values[n])),
    );
    return vae.encode(row(found.pictures, Math.floor(there.length / 2)));
  }

  return { place, show };
}
