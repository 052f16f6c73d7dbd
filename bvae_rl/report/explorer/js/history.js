// @ts-check
/**
 * The training as a film: reconstructions, information of each latent and the log, at each kept
 * snapshot.
 *
 * @typedef {import("./types.js").App} App
 * @typedef {import("./types.js").Packed} Packed
 * @typedef {import("./values.js").Factor} Factor
 *
 * @typedef {object} History
 * @property {string} [about] a sentence on what the film shows
 * @property {number[]} steps
 * @property {Packed} frames (N, H, W, C)
 * @property {Packed} decoded (M, N, H, W, C)
 * @property {Packed} kl (M, D)
 * @property {Packed} active (D,) in the last snapshot
 * @property {Packed | null} shares (M, D, K)
 * @property {Factor[]} factors
 * @property {{name: string, steps: number[], values: number[]}[]} curves
 */

import { extent, line, makeChart, scale, short, ticks } from "./chart.js";
import { element } from "./dom.js";
import { inCell, makeGrid } from "./grid.js";
import { makePlayer } from "./player.js";
import { makeStrip } from "./strip.js";
import { colour, css, lineColours, onTheme } from "./theme.js";
import { row } from "./values.js";

const HEIGHT = 200;
const ROOM = { left: 62, right: 12, top: 10, bottom: 40 };
const MOST = 16; // latents with a row

/**
 * @param {HTMLElement} section
 * @param {App} app
 */
export function mount(section, app) {
  /** @type {History} */
  const history = app.payload.history;
  const { steps, frames, decoded, kl, active, shares, factors, curves } = history;
  let at = steps.length - 1;
  let chosen = 0;
  const vae = app.vae(0);
  const size = frames.shape.slice(1).reduce((all, one) => all * one, 1);
  const count = frames.shape[0];
  const [truth, drawn] = [makeStrip(app), makeStrip(app)];
  truth.fill(
    "Frames",
    Array.from({ length: count }, (_, n) => vae.picture(row(frames, n))),
    [],
  );
  const last = row(kl, at);
  const latents = vae.entry.latents
    .filter(({ index }) => active.values[index])
    .sort((a, b) => last[b.index] - last[a.index])
    .slice(0, MOST);
  const what = shares ? "Share of each factor's information, and nats" : "Nats";
  const told = `${what} about a frame; latents of most nats at the end first${
    latents.length === MOST ? `, the first ${MOST}` : ""
  }.`;
  const select = element("select", { id: "history-curve" });
  for (const [n, { name }] of curves.entries())
    select.append(element("option", { value: n }, name));
  const chart = makeChart("the training", () => HEIGHT, paint);
  const columns = [...(shares ? factors.map(({ name }) => name) : []), "nats"];
  const most = Math.max(1e-9, ...kl.values);
  const grid = makeGrid({
    label: "What each latent holds at this step",
    rows: latents.map(({ name }) => name),
    columns,
    cell(line_, k) {
      const { index, name } = latents[line_];
      if (shares && k < factors.length) {
        const share = row(shares, at)[index * factors.length + k];
        return {
          value: share,
          text: inCell(share),
          words: `${name}, ${factors[k].name}: ${share.toFixed(2)} at step ${steps[at]}`,
        };
      }
      const nats = row(kl, at)[index];
      return {
        value: nats / most,
        text: nats.toFixed(1),
        words: `${name}: ${nats.toFixed(1)} nats at step ${steps[at]}`,
      };
    },
  });
  onTheme(grid.repaint);
  const player = makePlayer({
    id: "history-step",
    label: "batches",
    count: steps.length,
    rate: 2,
    words: (n) => steps[n].toLocaleString("en"),
    move: go,
  });
  const curve = curves.length
    ? [element("label", { for: "history-curve" }, "Log: ", select), chart.canvas]
    : [];
  if (history.about) section.append(element("p", { class: "said" }, history.about));
  section.append(
    player.place,
    element(
      "div",
      { class: "pair" },
      element("div", {}, truth.place, drawn.place, ...curve),
      element("div", {}, grid.place, element("p", { class: "said" }, told)),
    ),
  );

  /** @param {number} n */
  function go(n) {
    at = n;
    const pictures = row(decoded, n);
    drawn.fill(
      `Reconstructions after ${steps[n].toLocaleString("en")} batches`,
      Array.from({ length: count }, (_, i) =>
        vae.picture(pictures.subarray(i * size, (i + 1) * size)),
      ),
      [],
    );
    grid.repaint();
    chart.redraw();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   */
  function paint(context, width) {
    const { name, steps: xs, values } = curves[chosen];
    const x = scale(0, Math.max(...xs), ROOM.left, width - ROOM.right);
    // the beginning, far from all that follows, would set the scale
    const kept = name.startsWith("KL") ? values : values.slice(Math.floor(0.1 * values.length));
    const [low, high] = extent(kept);
    const y = scale(low, high, HEIGHT - ROOM.bottom, ROOM.top);
    context.fillStyle = css(colour("--muted"));
    context.strokeStyle = css(colour("--line"));
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const value of ticks(low, high, 4)) {
      line(context, [ROOM.left, width - ROOM.right], [y(value), y(value)]);
      context.fillText(short(value), ROOM.left - 6, y(value));
    }
    context.textAlign = "center";
    for (const value of ticks(0, Math.max(...xs), 4))
      context.fillText(short(value), x(value), HEIGHT - ROOM.bottom + 12);
    context.fillText("batches", (ROOM.left + width) / 2, HEIGHT - 9);
    context.save();
    context.beginPath();
    context.rect(
      ROOM.left,
      ROOM.top,
      width - ROOM.left - ROOM.right,
      HEIGHT - ROOM.top - ROOM.bottom,
    );
    context.clip();
    context.lineWidth = 2;
    context.strokeStyle = lineColours()[0];
    line(context, xs.map(x), values.map(y));
    context.restore();
    context.lineWidth = 1.5;
    context.strokeStyle = css(colour("--fg"));
    line(context, [x(steps[at]), x(steps[at])], [ROOM.top, HEIGHT - ROOM.bottom]);
    chart.describe(`${name} over the batches of the training`);
  }
  select.addEventListener("change", () => {
    chosen = Number(select.value);
    chart.redraw();
  });
  player.go(steps.length - 1);
}
