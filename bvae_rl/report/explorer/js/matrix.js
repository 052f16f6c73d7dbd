// @ts-check
/**
 * Every latent against every factor, three ways; the chosen pair is looked at closer.
 *
 * @typedef {import("./types.js").App} App
 * @typedef {import("./types.js").Packed} Packed
 * @typedef {import("./values.js").Factor} Factor
 * @typedef {import("./interval.js").Bounded} Bounded
 *
 * @typedef {object} Scored
 * @property {Bounded} information
 * @property {Packed} nats
 * @property {Bounded} importance
 * @property {Bounded} r2
 * @property {Bounded} together
 * @property {Packed} codes
 *
 * @typedef {object} Matrix
 * @property {Factor[]} factors
 * @property {number} samples
 * @property {number} level
 * @property {string} about
 * @property {Packed} points
 * @property {Scored[]} vaes
 */

import { button, element } from "./dom.js";
import { inCell, makeGrid } from "./grid.js";
import { interval } from "./interval.js";
import { makePair } from "./pair.js";
import { onTheme } from "./theme.js";
import { counted } from "./words.js";

/** @type {Record<"information" | "importance" | "r2", [string, string]>} */
export const MEASURES = {
  information: [
    "Mutual information",
    "Share of a factor's information that the latent holds alone, adjusted for chance.",
  ],
  importance: [
    "DCI importance",
    "How much boosted trees lean on the latent when they predict the factor from all of them; a column adds up to 1.",
  ],
  r2: [
    "Probe R\u00b2",
    "Held-out R\u00b2 of a linear probe that sees the latent alone; the last row: all latents together. A latent that lays out half of a circle reaches one half.",
  ],
};

/**
 * @param {HTMLElement} section
 * @param {App} app
 */
export function mount(section, app) {
  /** @type {Matrix} */
  const matrix = app.payload.matrix;
  /** @type {keyof typeof MEASURES} */
  let measure = "information";
  let every = false;
  let chosen = [0, 0];
  /** @type {import("./grid.js").Grid} */
  let grid;
  const words = element("p", { class: "said" });
  const place = element("div", {});
  const pair = makePair(app, matrix);
  const measures = element("div", { class: "buttons", role: "group", "aria-label": "measure" });
  for (const [key, [name]] of Object.entries(MEASURES)) {
    const one = button(name, () => {
      measure = /** @type {keyof typeof MEASURES} */ (key);
      build();
    });
    one.dataset.measure = key;
    measures.append(one);
  }
  const more = button("", () => {
    every = !every;
    build();
  });
  const about = `${counted(matrix.samples, "frame")}. Hover shows a number with its ${
    100 * matrix.level
  }% interval; a click looks at the pair.`;
  const left = element("div", {}, place, more, element("p", { class: "said" }, about));
  if (matrix.about) left.append(element("p", { class: "said" }, matrix.about));
  section.append(measures, words, element("div", { class: "looked" }, left, pair.place));

  function build() {
    for (const one of measures.querySelectorAll("button"))
      one.setAttribute("aria-pressed", String(one.dataset.measure === measure));
    words.textContent = MEASURES[measure][1];
    const { latents } = app.vae().entry;
    const inactive = latents.filter((latent) => !latent.active).length;
    more.hidden = inactive === 0 || inactive === latents.length;
    more.textContent = every
      ? "Fold inactive latents away"
      : `Show ${counted(inactive, "inactive latent")}`;
    const rows = latents.filter((latent) => latent.active || every || inactive === latents.length);
    const scored = matrix.vaes[app.state.vae];
    const names = rows.map((latent) => latent.name);
    if (measure === "r2") names.push("all latents");
    grid = makeGrid({
      label: `${MEASURES[measure][0]} of latents and factors`,
      rows: names,
      columns: matrix.factors.map((factor) => factor.name),
      cell(row, k) {
        const latent = rows[row];
        const bounded = latent ? scored[measure] : scored.together;
        const at = (latent ? latent.index * matrix.factors.length : 0) + k;
        return cellOf(
          bounded,
          at,
          `${names[row]}, ${matrix.factors[k].name}`,
          latent && measure === "information" ? scored.nats.values[at] : null,
        );
      },
      pick(row, k) {
        if (rows[row]) show(rows[row].index, k);
      },
    });
    place.replaceChildren(grid.place);
    const row = rows.findIndex((latent) => latent.index === chosen[0]);
    if (row >= 0) grid.mark(row, chosen[1]);
  }

  /**
   * @param {number} latent
   * @param {number} k
   */
  function show(latent, k) {
    chosen = [latent, k];
    pair.show(latent, k);
  }

  function start() {
    const values = Array.from(matrix.vaes[app.state.vae].information.value.values);
    const best = values.reduce((at, value, n) => (value > values[at] ? n : at), 0);
    const width = matrix.factors.length;
    show(Math.floor(best / width), best % width);
    build();
  }
  app.on("vae", start);
  start();
  onTheme(() => grid.repaint());
}

/**
 * @param {Bounded} bounded
 * @param {number} at
 * @param {string} of
 * @param {number | null} nats
 */
function cellOf(bounded, at, of, nats) {
  const value = bounded.value.values[at];
  const also = nats === null ? "" : `; ${nats.toFixed(2)} nats before the adjustment`;
  return {
    value,
    text: inCell(value),
    words: `${of}: ${interval(bounded, at)}${also}`,
  };
}
