// @ts-check
/**
 * What latents do while the world moves a factor: lines of the ones that move most, the others in
 * grey.
 *
 * @typedef {import("./types.js").Packed} Packed
 * @typedef {import("./types.js").Vae} Vae
 *
 * @typedef {object} Response
 * @property {number} index
 * @property {string} name
 * @property {number[]} means at each value, in the latent's own unit, from the mean over values
 * @property {number[]} spreads between the states around which the factor was moved
 * @property {number} size how far it moves: the standard deviation of `means`
 */

import { element } from "./dom.js";
import { extent, line, makeChart, scale, short, ticks } from "./chart.js";
import { colour, css, DASHES, lineColours } from "./theme.js";
import { mean } from "./values.js";
import { signed } from "./words.js";

const NAMED = 3; // latents with a colour
const LEAST = 0.15; // from which a latent is named, of the prior's standard deviation
const ROOM = { left: 44, right: 16, top: 10, bottom: 40 };
const HEIGHT = 260;

/**
 * All active latents (of a VAE without any all of them), those that move most first.
 *
 * @param {Packed} codes (S, T, D) around S states
 * @param {Vae} vae
 * @returns {Response[]}
 */
export function responsesOf({ values, shape: [states, steps, width] }, vae) {
  const { latents } = vae.entry;
  const some = latents.some((latent) => latent.active);
  return latents
    .filter((latent) => latent.active || !some)
    .map(({ index, name }) => {
      const paths = Array.from({ length: states }, (_, s) => {
        const path = Array.from(
          { length: steps },
          (_unused, t) => values[(s * steps + t) * width + index],
        );
        const middle = mean(path);
        return path.map((value) => value - middle);
      });
      const at = (/** @type {number} */ t) => paths.map((path) => path[t]);
      const means = Array.from({ length: steps }, (_, t) => mean(at(t)));
      const spreads = means.map((middle, t) =>
        Math.sqrt(mean(at(t).map((value) => (value - middle) ** 2))),
      );
      const size = Math.sqrt(mean(means.map((value) => value ** 2))) || 0;
      return { index, name, means, spreads, size };
    })
    .sort((a, b) => b.size - a.size);
}

export function makeResponses() {
  /** @type {Response[]} */
  let found = [];
  /** @type {{name: string, unit: string, values: number[]}} */
  let factor = { name: "", unit: "", values: [] };
  let at = 0;
  const words = element("p", { class: "said" });
  const legend = element("p", { class: "legend" });
  const chart = makeChart("responses of the latents", () => HEIGHT, paint);

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   */
  function paint(context, width) {
    const { values } = factor;
    const bounds = found.flatMap(({ means, spreads }) =>
      means.flatMap((value, t) => [value - spreads[t], value + spreads[t]]),
    );
    const [low, high] = extent(bounds);
    const x = scale(values[0], values[values.length - 1], ROOM.left, width - ROOM.right);
    const y = scale(low, high, HEIGHT - ROOM.bottom, ROOM.top);
    const [muted, faint] = [css(colour("--muted")), css(colour("--line"))];
    context.fillStyle = muted;
    context.strokeStyle = faint;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const value of ticks(low, high)) {
      line(context, [ROOM.left, width - ROOM.right], [y(value), y(value)]);
      context.fillText(short(value), ROOM.left - 6, y(value));
    }
    context.textAlign = "center";
    for (const value of ticks(values[0], values[values.length - 1]))
      context.fillText(short(value), x(value), HEIGHT - ROOM.bottom + 12);
    context.fillText(factor.name, (ROOM.left + width) / 2, HEIGHT - 9);
    const xs = values.map(x);
    const turns = lineColours();
    drawLegend(turns);
    for (const [turn, { means, spreads, size }] of [...found.entries()].reverse()) {
      const named = turn < NAMED && (turn === 0 || size >= LEAST);
      context.strokeStyle = context.fillStyle = named ? turns[turn] : muted;
      if (named) band(context, xs, means, spreads, y);
      context.lineWidth = named ? 2.4 : 1;
      context.globalAlpha = named ? 1 : 0.4;
      context.setLineDash(named ? DASHES[turn] : []);
      line(context, xs, means.map(y));
      context.globalAlpha = 1;
      context.setLineDash([]);
    }
    context.strokeStyle = css(colour("--fg"));
    context.lineWidth = 1.5;
    line(context, [xs[at], xs[at]], [ROOM.top, HEIGHT - ROOM.bottom]);
  }

  /** @param {string[]} turns */
  function drawLegend(turns) {
    const keys = found.slice(0, NAMED).flatMap(({ name, size }, turn) => {
      if (turn > 0 && size < LEAST) return [];
      const key = element("span", { class: "key" }, name);
      key.style.borderColor = turns[turn];
      key.style.borderBottomStyle = ["solid", "dashed", "dotted"][turn];
      return [key, " "];
    });
    legend.replaceChildren(...keys, "band: between states; grey: the other latents");
  }

  function tell() {
    const named = found.slice(0, NAMED).map(({ name, means }) => `${name} ${signed(means[at], 2)}`);
    const others = mean(found.slice(NAMED).map(({ means }) => Math.abs(means[at])));
    const rest = found.length > NAMED ? `, all others ${others.toFixed(2)} on average` : "";
    words.textContent = `Here: ${named.join(", ")}${rest} (from the middle; the prior's standard deviation is 1).`;
  }

  return {
    place: element("div", {}, legend, chart.canvas),
    words,
    /**
     * @param {Response[]} responses
     * @param {{name: string, unit: string, values: number[]}} moved
     */
    show(responses, moved) {
      found = responses;
      factor = moved;
      at = Math.min(at, moved.values.length - 1);
      const list = found.slice(0, 3).map(({ name, size }) => `${name} by ${size.toFixed(2)}`);
      chart.describe(
        `What latents do while the world moves ${moved.name}, most first: ${list.join(", ")}`,
      );
      tell();
      chart.redraw();
    },
    /** @param {number} step */
    go(step) {
      at = step;
      tell();
      chart.redraw();
    },
  };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number[]} xs
 * @param {number[]} means
 * @param {number[]} spreads
 * @param {(value: number) => number} y
 */
function band(context, xs, means, spreads, y) {
  const known = xs.map((_, n) => n).filter((n) => Number.isFinite(means[n]));
  context.globalAlpha = 0.16;
  context.beginPath();
  for (const n of known) context.lineTo(xs[n], y(means[n] + spreads[n]));
  for (const n of known.reverse()) context.lineTo(xs[n], y(means[n] - spreads[n]));
  context.fill();
  context.globalAlpha = 1;
}
