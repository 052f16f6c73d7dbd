// @ts-check
/**
 * A slider a latent, those of most information first, inactive ones folded away.
 *
 * @typedef {import("./types.js").App} App
 * @typedef {import("./types.js").Latent} Latent
 */

import { element } from "./dom.js";
import { counted, signed, titleOf } from "./words.js";

const WIDEST = 3; // standard deviations to either side

/**
 * @param {HTMLElement} place
 * @param {App} app
 */
export function mountSliders(place, app) {
  /** @type {(() => void)[]} */
  let moves = [];

  function build() {
    moves = [];
    place.replaceChildren();
    const { latents, groups } = app.vae().entry;
    const active = byInformation(latents.filter((latent) => latent.active));
    const inactive = latents.filter((latent) => !latent.active);
    const named = Object.keys(groups);
    for (const group of named.length ? named : [null]) {
      const members = active.filter((latent) => latent.group === group);
      if (!members.length) continue;
      const heading = group === null ? [] : [element("h3", {}, group)];
      place.append(...heading, list(members));
    }
    if (!inactive.length) return;
    const folded = element("details", { open: !active.length });
    const sentence = `${counted(inactive.length, "inactive latent")}, which ${
      inactive.length === 1 ? "tells" : "tell"
    } nothing about a frame`;
    folded.append(element("summary", {}, sentence), list(inactive));
    place.append(folded);
  }

  /** @param {Latent[]} latents */
  function list(latents) {
    const rows = element("div", { class: "sliders" });
    for (const latent of latents) {
      const slider = makeSlider(latent, app);
      rows.append(slider.row);
      moves.push(slider.follow);
    }
    return rows;
  }

  function follow() {
    for (const move of moves) move();
  }

  app.on("vae", build);
  app.on("change", follow);
  build();
  follow();
}

/** @param {Latent[]} latents */
export function byInformation(latents) {
  return [...latents].sort((a, b) => b.kl - a.kl || a.index - b.index);
}

/**
 * @param {Latent} latent
 * @param {App} app
 */
function makeSlider(latent, app) {
  const { index, values } = latent;
  const { mean, std } = app.vae();
  const id = `latent-${index}`;
  const range = values
    ? { min: 0, max: values.length - 1, step: 1 }
    : { min: -WIDEST, max: WIDEST, step: 0.02 };
  const input = element("input", { type: "range", id, ...range });
  const shown = element("output", { for: id });
  const nats = element(
    "span",
    { class: "nats" },
    `${latent.kl.toFixed(latent.kl < 0.1 ? 2 : 1)} nats`,
  );
  const name = element("label", { for: id }, titleOf(latent));
  const row = element("div", { class: "slider" }, name, nats, shown, input);

  input.addEventListener("input", () => {
    const at = Number(input.value);
    const z = app.state.z.slice();
    z[index] = values ? values[at] : mean[index] + at * std[index];
    app.set(z);
  });

  function follow() {
    const z = app.state.z[index];
    const at = values ? nearest(values, z) : (z - mean[index]) / std[index];
    if (document.activeElement !== input || Number(input.value) !== at) input.value = String(at);
    const text = values ? `${at + 1} of ${values.length}` : signed(at);
    if (shown.textContent === text) return;
    shown.textContent = text;
    const words = values ? `value ${text}` : `${text} standard deviations from the mean`;
    input.setAttribute("aria-valuetext", words);
  }
  return { row, follow };
}

/**
 * @param {number[]} values
 * @param {number} z
 */
function nearest(values, z) {
  let best = 0;
  for (let n = 1; n < values.length; n++)
    if (Math.abs(values[n] - z) < Math.abs(values[best] - z)) best = n;
  return best;
}
