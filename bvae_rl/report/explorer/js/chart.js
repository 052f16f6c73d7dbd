// @ts-check
/**
 * A canvas of drawn lines and points: as sharp as the screen, as wide as its place, in the page's
 * colours.
 */

import { element } from "./dom.js";
import { onTheme } from "./theme.js";

export const FONT = '12px system-ui, "DejaVu Sans", sans-serif';

/**
 * @typedef {object} Chart
 * @property {HTMLCanvasElement} canvas
 * @property {() => void} redraw
 * @property {(text: string) => void} describe what a screen reader says
 */

/**
 * @param {string} description
 * @param {() => number} heightOf in CSS pixels
 * @param {(context: CanvasRenderingContext2D, width: number, height: number) => void} paint
 * @returns {Chart}
 */
export function makeChart(description, heightOf, paint) {
  const canvas = element("canvas", { role: "img", "aria-label": description, class: "chart" });

  function redraw() {
    const width = canvas.clientWidth;
    const height = heightOf();
    if (width < 10) return;
    const sharp = Math.max(1, devicePixelRatio || 1);
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * sharp);
    canvas.height = Math.round(height * sharp);
    const context = canvas.getContext("2d");
    if (!context) return;
    context.scale(sharp, sharp);
    context.font = FONT;
    context.lineJoin = "round";
    paint(context, width, height);
  }
  let width = 0;
  new ResizeObserver(() => {
    if (canvas.clientWidth === width) return;
    width = canvas.clientWidth;
    redraw();
  }).observe(canvas);
  onTheme(redraw);
  return { canvas, redraw, describe: (text) => canvas.setAttribute("aria-label", text) };
}

/**
 * A straight map of one range onto another; the middle where the first is a point.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} from
 * @param {number} to
 * @returns {(value: number) => number}
 */
export function scale(low, high, from, to) {
  const span = high - low;
  if (!(span > 0)) return () => (from + to) / 2;
  return (value) => from + ((value - low) / span) * (to - from);
}

/**
 * The least and greatest of finite values, with some room.
 *
 * @param {Iterable<number>} values
 * @param {number} [room] share of the range
 * @returns {[number, number]}
 */
export function extent(values, room = 0.06) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  const more = room * (high - low) || 0.5;
  return [low - more, high + more];
}

/**
 * Round numbers within a range.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} [wanted]
 */
export function ticks(low, high, wanted = 5) {
  const rough = (high - low) / wanted;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? 10 * power;
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high; n++) found.push(n * step);
  return found;
}

/**
 * A number as an axis shows it.
 *
 * @param {number} value
 */
export function short(value) {
  if (!Number.isFinite(value)) return "\u2013";
  if (value === 0) return "0";
  if (Math.abs(value) >= 1e6) return value.toExponential(1);
  const text = Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
  return text.replace("-", "\u2212");
}

/**
 * A line through points; a gap where one is not finite.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {ArrayLike<number>} xs
 * @param {ArrayLike<number>} ys
 */
export function line(context, xs, ys) {
  context.beginPath();
  let drawing = false;
  for (let n = 0; n < xs.length; n++) {
    const there = Number.isFinite(ys[n]);
    if (there && drawing) context.lineTo(xs[n], ys[n]);
    else if (there) context.moveTo(xs[n], ys[n]);
    drawing = there;
  }
  context.stroke();
}
