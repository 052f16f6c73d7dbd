// @ts-check
/**
 * An episode: what was seen, what the VAE makes of it, and time lines of all that is known, moved
 * by one scrubber. The same start in other visual domains shows which latents stay still.
 *
 * @typedef {import("./types.js").App} App
 * @typedef {import("./types.js").Packed} Packed
 * @typedef {import("./values.js").Factor} Factor
 *
 * @typedef {object} Episode
 * @property {string} domain
 * @property {Packed & {differences?: boolean}} pictures
 * @property {Packed[]} codes
 * @property {Packed[] | null} in_first the same states in the first domain
 * @property {Packed | null} factors
 * @property {Packed | null} actions
 * @property {Packed | null} rewards
 * @property {Packed | null} values
 * @property {boolean} over
 * @property {boolean | null} success
 */

import { short } from "./chart.js";
import { button, element, picture } from "./dom.js";
import { lanesOf, shifts } from "./lanes.js";
import { makePlayer } from "./player.js";
import { makeTimelines } from "./timelines.js";
import { row } from "./values.js";
import { counted } from "./words.js";

/**
 * @param {HTMLElement} section
 * @param {App} app
 */
export function mount(section, app) {
  /** @type {{who: string, cut: number | null, factors: Factor[], domains: Episode[]}} */
  const { who, cut, factors, domains } = app.payload.episodes;
  for (const one of domains) sumUp(one.pictures);
  let chosen = 0;
  let every = false;
  const [shown, decoded] = [picture("the frame"), picture("its reconstruction")];
  const outcome = element("p", { class: "said" });
  const still = element("p", { class: "said", role: "status" });
  const lines = makeTimelines((step) => player.go(step));
  const player = makePlayer({
    id: "episode-step",
    label: "step",
    count: steps(),
    rate: 10,
    words: (step) => `${step + 1} of ${steps()}`,
    move: go,
  });
  const buttons = element("div", {
    class: "buttons",
    role: "group",
    "aria-label": "visual domain",
  });
  if (domains.length > 1)
    for (const [n, { domain }] of domains.entries())
      buttons.append(
        button(domain, () => {
          chosen = n;
          show();
        }),
      );
  const more = button("", () => {
    every = !every;
    show();
  });
  const take = button("Send this frame to the sliders", () => {
    app.show(
      /** @type {Uint8Array} */ (frameAt(player.at())),
      `Step ${player.at() + 1}, ${domains[chosen].domain}`,
    );
    document.getElementById("latents")?.scrollIntoView();
  });
  const figure = (/** @type {HTMLElement} */ of, /** @type {string} */ text) =>
    element("figure", {}, of, element("figcaption", {}, text));
  const two = element(
    "div",
    { class: "two" },
    figure(shown, "frame"),
    figure(decoded, "reconstruction"),
  );
  section.append(
    buttons,
    element(
      "div",
      { class: "episode" },
      element("div", { class: "watch" }, two, player.place, outcome, still, take),
      element("div", {}, lines.place, more),
    ),
  );

  function steps() {
    return domains[chosen].pictures.shape[0];
  }

  /** @param {number} step */
  function frameAt(step) {
    return row(domains[chosen].pictures, step);
  }

  /** @param {number} step */
  function go(step) {
    const vae = app.vae();
    app.draw(shown, vae.picture(frameAt(step)));
    app.draw(decoded, vae.decode(row(domains[chosen].codes[app.state.vae], step)));
    const where = `step ${step + 1}, ${domains[chosen].domain}`;
    shown.setAttribute("aria-label", `the frame at ${where}`);
    decoded.setAttribute("aria-label", `its reconstruction at ${where}`);
    lines.go(step);
  }

  function show() {
    for (const [n, one] of [...buttons.children].entries())
      one.setAttribute("aria-pressed", String(n === chosen));
    const episode = domains[chosen];
    const { lanes, left } = lanesOf(episode, factors, app, every);
    more.hidden = left === 0 && !every;
    more.textContent = every ? "Fewer latents" : `${counted(left, "more latent")}`;
    const names = lanes.map(({ name }) => name).join(", ");
    lines.show(lanes, steps(), `Time lines over ${steps()} steps of ${names}`);
    outcome.textContent = told(episode);
    still.textContent = stillness(episode);
    player.resize(steps());
  }

  /** @param {Episode} episode */
  function told(episode) {
    const count = counted(steps(), "step");
    if (!episode.rewards) return `${count} of ${who}.`;
    let total = 0;
    for (const reward of episode.rewards.values) total += reward;
    const end = episode.over
      ? episode.success === null
        ? ", to its end"
        : episode.success
          ? ", to its end: success"
          : ", to its end: no success"
      : "";
    const less =
      cut && steps() === cut && !episode.over
        ? ` (the first ${cut} steps: more would make the page too large)`
        : "";
    const value = episode.values
      ? " Its value is discounted, in the rewards of its training."
      : who.startsWith("the ")
        ? " This agent has no value to show."
        : "";
    return `${capital(who)} acts for ${count}${less}${end}. Return ${short(Number(total.toFixed(1)))}.${value}`;
  }

  /** @param {Episode} episode */
  function stillness(episode) {
    if (domains.length === 1)
      return "This page has no episode of the same start in another visual domain, so it does not show which latents stay still when the appearance changes.";
    if (chosen === 0) return `Choose another visual domain: the same start, seen otherwise.`;
    const first = domains[0].domain;
    const moves = shifts(episode, app);
    if (!moves)
      return `The same actions led to other states than in ${first}, so codes cannot be compared.`;
    const parts = moves.map(({ group, size }) => `${group} ${size.toFixed(2)}`);
    return `Against the same states in ${first} (dashed) latents are displaced, in standard deviations on average: ${parts.join(", ")}.`;
  }
  app.on("vae", show);
  show();
}

/**
 * Frames that were packed as differences become frames.
 *
 * @param {Packed & {differences?: boolean}} pictures
 */
function sumUp({ values, shape, differences }) {
  if (!differences) return;
  const size = shape[1] * shape[2] * shape[3];
  for (let n = size; n < values.length; n++) values[n] += values[n - size];
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
