// @ts-check
/**
 * A scrubber with a button that plays. It never starts by itself.
 */

import { button, element } from "./dom.js";

/**
 * @typedef {object} Player
 * @property {HTMLElement} place
 * @property {() => number} at
 * @property {(step: number) => void} go
 * @property {(count: number) => void} resize to another number of steps
 */

/**
 * @param {object} what
 * @param {string} what.id
 * @param {string} what.label
 * @param {number} what.count
 * @param {number} what.rate steps a second
 * @param {(step: number) => string} what.words what stands beside it
 * @param {(step: number) => void} what.move
 * @returns {Player}
 */
export function makePlayer({ id, label, count, rate, words, move }) {
  let last = count - 1;
  let step = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let playing;
  const input = element("input", { type: "range", id, min: 0, max: last, step: 1, value: 0 });
  const shown = element("output", { for: id });
  const play = button("Play", toggle, { class: "play" });
  const name = element("label", { for: id }, label);
  const place = element("div", { class: "player" }, play, name, input, shown);

  function stop() {
    clearInterval(playing);
    playing = undefined;
    play.textContent = "Play";
  }

  function toggle() {
    if (playing !== undefined) return stop();
    if (step >= last) go(0);
    play.textContent = "Pause";
    playing = setInterval(() => {
      if (step >= last) return stop();
      go(step + 1);
    }, 1000 / rate);
  }

  /** @param {number} next */
  function go(next) {
    step = Math.max(0, Math.min(last, Math.round(next)));
    input.value = String(step);
    const text = words(step);
    shown.textContent = text;
    input.setAttribute("aria-valuetext", text);
    move(step);
  }
  input.addEventListener("input", () => {
    stop();
    go(Number(input.value));
  });
  return {
    place,
    at: () => step,
    go,
    resize(next) {
      last = next - 1;
      input.max = String(last);
      go(Math.min(step, last));
    },
  };
}
