// @ts-check
/**
 * Time lines under each other, over the same steps, with a cursor through all of them.
 *
 * @typedef {object} Trace
 * @property {ArrayLike<number>} values one a step
 * @property {"main" | "truth" | "same"} look a line; the truth behind it; the same states elsewhere
 * @property {number} [turn] which colour
 *
 * @typedef {object} Lane
 * @property {string} name
 * @property {string} [heading] above the lane: what begins here
 * @property {Trace[]} traces
 * @property {string} [remark] at the right
 * @property {[number, number]} [range] from bottom to top; by default that of the traces
 * @property {(step: number) => string} read the value at a step
 */

import { extent, line, makeChart, scale } from "./chart.js";
import { colour, css, lineColours } from "./theme.js";

const LANE = 40;
const HEADING = 24;

/** @param {(step: number) => void} seek where the reader points */
export function makeTimelines(seek) {
  /** @type {Lane[]} */
  let lanes = [];
  let steps = 1;
  let at = 0;
  const heightOf = () =>
    lanes.reduce((sum, lane) => sum + LANE + (lane.heading ? HEADING : 0), 8) || 20;
  const chart = makeChart("time lines", heightOf, paint);
  let pressed = false;

  /** @param {number} width */
  function edges(width) {
    return { left: Math.min(190, width * 0.36), right: width - Math.min(120, width * 0.2) };
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   */
  function paint(context, width) {
    const { left, right } = edges(width);
    const x = scale(0, Math.max(1, steps - 1), left, right);
    const [ink, muted, faint] = ["--fg", "--muted", "--line"].map((name) => css(colour(name)));
    const turns = lineColours();
    context.textBaseline = "middle";
    let top = 4;
    for (const lane of lanes) {
      if (lane.heading) {
        context.fillStyle = muted;
        context.textAlign = "left";
        context.font = `600 ${context.font}`;
        context.fillText(lane.heading, 0, top + HEADING / 2);
        context.font = context.font.replace("600 ", "");
        top += HEADING;
      }
      const middle = top + LANE / 2;
      context.strokeStyle = faint;
      context.lineWidth = 1;
      context.strokeRect(left, top + 2, right - left, LANE - 4);
      context.fillStyle = ink;
      context.textAlign = "left";
      const [first, rest] = broken(context, lane.name, left - 8);
      fitted(context, first, 0, rest ? middle - 8 : middle, left - 8);
      if (rest) fitted(context, rest, 0, middle + 8, left - 8);
      context.fillText(
        lane.read(at),
        right + 8,
        lane.remark ? middle - 8 : middle,
        width - right - 8,
      );
      if (lane.remark) {
        context.fillStyle = muted;
        context.fillText(lane.remark, right + 8, middle + 8, width - right - 8);
      }
      const range =
        lane.range ??
        extent(
          lane.traces.flatMap(({ values }) => Array.from(values)),
          0.12,
        );
      for (const trace of lane.traces) drawTrace(context, trace, x, range, top, { muted, turns });
      context.strokeStyle = ink;
      context.lineWidth = 1.5;
      line(context, [x(at), x(at)], [top, top + LANE]);
      top += LANE;
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Trace} trace
   * @param {(step: number) => number} x
   * @param {[number, number]} range
   * @param {number} top
   * @param {{muted: string, turns: string[]}} colours
   */
  function drawTrace(context, trace, x, range, top, { muted, turns }) {
    const behind = trace.look === "truth";
    const y = scale(range[0], range[1], top + LANE - 4, top + 4);
    context.save();
    context.strokeStyle =
      behind || trace.look === "same" ? muted : turns[(trace.turn ?? 0) % turns.length];
    context.globalAlpha = behind ? 0.35 : 1;
    context.lineWidth = behind ? 5 : 1.6;
    context.setLineDash(trace.look === "same" ? [4, 3] : []);
    const xs = Array.from(trace.values, (_, step) => x(step));
    line(context, xs, Array.from(trace.values, y));
    context.restore();
  }

  /** @param {PointerEvent} event */
  function point(event) {
    const box = chart.canvas.getBoundingClientRect();
    const { left, right } = edges(box.width);
    seek(scale(left, right, 0, Math.max(1, steps - 1))(event.clientX - box.left));
  }
  chart.canvas.addEventListener("pointerdown", (event) => {
    pressed = true;
    chart.canvas.setPointerCapture(event.pointerId);
    point(event);
  });
  chart.canvas.addEventListener("pointermove", (event) => pressed && point(event));
  for (const end of /** @type {const} */ (["pointerup", "pointercancel"]))
    chart.canvas.addEventListener(end, () => (pressed = false));

  return {
    place: chart.canvas,
    /**
     * @param {Lane[]} next
     * @param {number} count steps
     * @param {string} words
     */
    show(next, count, words) {
      lanes = next;
      steps = count;
      at = Math.min(at, count - 1);
      chart.describe(words);
      chart.redraw();
    },
    /** @param {number} step */
    go(step) {
      at = step;
      chart.redraw();
    },
  };
}

/**
 * A text as two lines, the second empty where the first has room for all.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} most pixels
 */
function broken(context, text, most) {
  const fits = (/** @type {string} */ part) => context.measureText(part).width <= most;
  if (fits(text)) return [text, ""];
  const words = text.split(" ");
  let count = Math.max(1, words.length - 1);
  while (count > 1 && !fits(words.slice(0, count).join(" "))) count--;
  return [words.slice(0, count).join(" "), words.slice(count).join(" ")];
}

/**
 * A text, shortened where it is too long.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {number} most pixels
 */
function fitted(context, text, x, y, most) {
  let shown = text;
  while (shown.length > 3 && context.measureText(shown).width > most)
    shown = `${shown.slice(0, -2)}\u2026`;
  context.fillText(shown, x, y);
}
