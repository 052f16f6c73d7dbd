// @ts-check
/** Points of two quantities with axes; the nearest one tells its numbers. */

import { extent, makeChart, scale, short, ticks } from "./chart.js";
import { hideHint, showHint } from "./hint.js";
import { colour, css, lineColours } from "./theme.js";

const ROOM = { left: 50, right: 14, top: 12, bottom: 42 };

/**
 * @typedef {object} Cloud
 * @property {ArrayLike<number>} xs
 * @property {ArrayLike<number>} ys
 * @property {string} x what the horizontal axis shows
 * @property {string} y
 */

/** @param {number} [height] */
export function makeScatter(height = 280) {
  /** @type {Cloud} */
  let cloud = { xs: [], ys: [], x: "", y: "" };
  let near = -1;
  const chart = makeChart("a scatter", () => height, paint);

  /** @param {number} width */
  function scales(width) {
    const [left, right] = extent(Array.from(cloud.xs));
    const [low, high] = extent(Array.from(cloud.ys));
    return {
      left,
      right,
      low,
      high,
      x: scale(left, right, ROOM.left, width - ROOM.right),
      y: scale(low, high, height - ROOM.bottom, ROOM.top),
    };
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} width
   */
  function paint(context, width) {
    const { left, right, low, high, x, y } = scales(width);
    const [ink, faint] = [css(colour("--muted")), css(colour("--line"))];
    context.textBaseline = "middle";
    context.lineWidth = 1;
    context.fillStyle = ink;
    context.strokeStyle = faint;
    for (const value of ticks(left, right)) {
      context.beginPath();
      context.moveTo(x(value), ROOM.top);
      context.lineTo(x(value), height - ROOM.bottom);
      context.stroke();
      context.textAlign = "center";
      context.fillText(short(value), x(value), height - ROOM.bottom + 12);
    }
    for (const value of ticks(low, high)) {
      context.beginPath();
      context.moveTo(ROOM.left, y(value));
      context.lineTo(width - ROOM.right, y(value));
      context.stroke();
      context.textAlign = "right";
      context.fillText(short(value), ROOM.left - 6, y(value));
    }
    context.textAlign = "center";
    context.fillText(cloud.x, (ROOM.left + width) / 2, height - 10);
    context.save();
    context.translate(12, (height - ROOM.bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(cloud.y, 0, 0);
    context.restore();
    context.fillStyle = lineColours()[0];
    context.globalAlpha = 0.55;
    for (let n = 0; n < cloud.xs.length; n++) {
      context.beginPath();
      context.arc(x(cloud.xs[n]), y(cloud.ys[n]), 2.6, 0, 7);
      context.fill();
    }
    context.globalAlpha = 1;
    if (near < 0) return;
    context.strokeStyle = css(colour("--fg"));
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x(cloud.xs[near]), y(cloud.ys[near]), 5.5, 0, 7);
    context.stroke();
  }

  chart.canvas.addEventListener("pointermove", (event) => {
    const box = chart.canvas.getBoundingClientRect();
    const { x, y } = scales(box.width);
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let best = 20 ** 2;
    let found = -1;
    for (let n = 0; n < cloud.xs.length; n++) {
      const distance = (x(cloud.xs[n]) - px) ** 2 + (y(cloud.ys[n]) - py) ** 2;
      if (distance < best) [best, found] = [distance, n];
    }
    if (found !== near) {
      near = found;
      chart.redraw();
    }
    if (found < 0) hideHint();
    else
      showHint(
        `${cloud.x} ${short(cloud.xs[found])}, ${cloud.y} ${short(cloud.ys[found])}`,
        event.clientX,
        event.clientY,
      );
  });
  chart.canvas.addEventListener("pointerleave", () => {
    near = -1;
    hideHint();
    chart.redraw();
  });

  return {
    place: chart.canvas,
    /**
     * @param {Cloud} next
     * @param {string} words
     */
    show(next, words) {
      cloud = next;
      near = -1;
      chart.describe(words);
      chart.redraw();
    },
  };
}
