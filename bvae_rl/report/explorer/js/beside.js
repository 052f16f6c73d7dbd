// @ts-check
/**
 * Several VAEs on the same frame: what each makes of it, and what each draws when the latent is
 * moved that tracks the same factor best.
 *
 * @typedef {import("./types.js").App} App
 * @typedef {import("./matrix.js").Matrix} Matrix
 */

import { bestFactor } from "./best.js";
import { errorMap } from "./colours.js";
import { element, picture } from "./dom.js";
import { interval } from "./interval.js";
import { byInformation } from "./sliders.js";
import { makeStrip } from "./strip.js";
import { mean, moved, path } from "./values.js";
import { counted, titleOf } from "./words.js";

const MOST = 51; // of 255, that the error map shows lightest

/**
 * @param {HTMLElement} section
 * @param {App} app
 */
export function mount(section, app) {
  /** @type {Matrix | undefined} */
  const matrix = app.payload.matrix;
  const select = element("select", { id: "beside-factor" });
  for (const [k, { name }] of (matrix?.factors ?? []).entries())
    select.append(element("option", { value: k }, name));
  if (matrix) select.value = String(bestFactor(app, matrix.factors));
  const columns = app.payload.beside.vaes.map((/** @type {number} */ n) => makeColumn(app, n));
  if (matrix)
    section.append(
      element(
        "div",
        { class: "buttons" },
        element(
          "label",
          { for: "beside-factor" },
          "Each moves the latent that holds most of ",
          select,
        ),
      ),
    );
  section.append(
    element(
      "p",
      { class: "said" },
      "The frame is the one of the sliders above; choose another there.",
    ),
    element("div", { class: "besides" }, ...columns.map((/** @type {any} */ one) => one.place)),
  );

  function show() {
    const k = Number(select.value);
    for (const one of columns) one.show(matrix, k);
  }
  select.addEventListener("change", show);
  app.on("frame", show);
  show();
}

/**
 * @param {App} app
 * @param {number} n which VAE
 */
function makeColumn(app, n) {
  const vae = app.vae(n);
  const { entry } = vae;
  const [frame, decoded, error] = ["frame", "reconstruction", "error"].map((name) =>
    picture(`${name}, ${entry.name}`),
  );
  const figure = (/** @type {HTMLElement} */ of, /** @type {string} */ text) =>
    element("figure", {}, of, element("figcaption", {}, text));
  const three = element(
    "div",
    { class: "three" },
    figure(frame, "frame"),
    figure(decoded, "reconstruction"),
    figure(error, "error"),
  );
  const words = element("p", { class: "said" });
  const strip = makeStrip(app);
  const active = entry.latents.filter((latent) => latent.active);
  const most = byInformation(active.length ? active : entry.latents)[0];
  const nats = active.reduce((sum, latent) => sum + latent.kl, 0);
  const about = `${counted(active.length, "active latent")}, ${nats.toFixed(1)} nats.`;
  const place = element(
    "div",
    {},
    element("h3", {}, entry.name),
    element("p", { class: "said" }, about),
    three,
    words,
    strip.place,
  );

  /**
   * @param {Matrix | undefined} matrix
   * @param {number} k
   */
  function show(matrix, k) {
    const { frame: values } = app.state;
    const z = values ? vae.encode(values) : vae.mean;
    const drawn = vae.decode(z);
    app.draw(decoded, drawn, vae.width, vae.height);
    if (values) {
      const seen = vae.picture(values);
      app.draw(frame, seen, vae.width, vae.height);
      app.draw(error, errorMap(seen, drawn, MOST), vae.width, vae.height);
      const off = mean(
        Float32Array.from(seen, (value, at) => (at % 4 < 3 ? Math.abs(value - drawn[at]) : NaN)),
      );
      words.textContent = `Mean error ${off.toFixed(1)} of 255.`;
    }
    const latent = matrix ? bestOf(matrix, n, k) : most.index;
    const steps = path(app, n, latent, 7);
    const scored = matrix?.vaes[n].information;
    const held =
      matrix && scored
        ? ` holds ${interval(scored, latent * matrix.factors.length + k)} of ${matrix.factors[k].name}`
        : "";
    strip.fill(
      `${matrix ? entry.latents[latent].name : titleOf(entry.latents[latent])}${held}`,
      steps.map(({ value }) => vae.decode(moved(z, latent, value))),
      steps.map(({ text }) => text),
    );
  }
  return { place, show };
}

/**
 * @param {Matrix} matrix
 * @param {number} n
 * @param {number} k
 */
function bestOf(matrix, n, k) {
  const { values, shape } = matrix.vaes[n].information.value;
  let best = 0;
  for (let d = 1; d < shape[0]; d++)
    if (values[d * shape[1] + k] > values[best * shape[1] + k]) best = d;
  return best;
}
