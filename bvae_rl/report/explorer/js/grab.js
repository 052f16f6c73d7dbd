// @ts-check
/**
 * Taking hold of what is drawn at a pixel, by the latents that move it.
 *
 * A latent moves what is there if its derivative of the picture looks like a shift: J = -(a gx + b
 * gy) around the pixel, gx and gy the picture's own slopes. To follow the pointer, the patch that
 * was taken hold of is sought at the new place, a small step at a time: the least squares over the
 * few latents that move it best, with little change elsewhere (Gauss-Newton).
 *
 * @typedef {import("./types.js").Vae} Vae
 * @typedef {{x: number, y: number}} Point pixel
 * @typedef {object} Hold
 * @property {number[]} latents that move it
 * @property {Point} at where it is now
 * @property {Float32Array} patch what it looks like
 */

import { solve } from "./solve.js";

const EPSILON = 0.25; // standard deviations, for a derivative
const TRIED = 24; // latents of most information
const USED = 4;
const LEAST_SLOPE = 0.002; // mean squared slope of a patch that can be taken hold of
const LEAST_SHIFT = 0.35; // pixels a standard deviation
const LEAST_LIKENESS = 0.3; // share of a derivative that is a shift
const STEP = 1.5; // pixels at once
const ELSEWHERE = 0.03; // weight of changes outside the patch
const DAMPING = 0.02;
const MOST = 3; // standard deviations from the mean

/** @param {Vae} vae */
const radius = (vae) => Math.max(3, Math.round(Math.min(vae.width, vae.height) / 12));

/**
 * Pixels of a patch, as places in x; those outside the picture are left out.
 *
 * @param {Vae} vae
 * @param {Point} at
 */
function places(vae, at) {
  const r = radius(vae);
  const found = [];
  for (let y = Math.round(at.y) - r; y <= Math.round(at.y) + r; y++)
    for (let x = Math.round(at.x) - r; x <= Math.round(at.x) + r; x++)
      found.push(
        x < 1 || y < 1 || x >= vae.width - 1 || y >= vae.height - 1
          ? -1
          : (y * vae.width + x) * vae.channels,
      );
  return found;
}

/**
 * The derivative of x after each latent, per standard deviation.
 *
 * @param {Vae} vae
 * @param {Float32Array} z
 * @param {number[]} latents
 * @param {Float32Array} x
 */
function derivatives(vae, z, latents, x) {
  return latents.map((latent) => {
    const moved = z.slice();
    moved[latent] += EPSILON * vae.std[latent];
    const change = vae.decodeX(moved);
    for (let n = 0; n < x.length; n++) change[n] = (change[n] - x[n]) / EPSILON;
    return change;
  });
}

/**
 * Take hold of what is at a pixel; null where nothing is, or where no latent moves it.
 *
 * @param {Vae} vae
 * @param {Float32Array} z
 * @param {Point} at
 * @returns {Hold | "flat" | "still"}
 */
export function takeHold(vae, z, at) {
  const x = vae.decodeX(z);
  const { channels, width } = vae;
  const inside = places(vae, at).filter((place) => place >= 0);
  const values = inside.flatMap((place) => Array.from({ length: channels }, (_, c) => place + c));
  const gx = values.map((n) => (x[n + channels] - x[n - channels]) / 2);
  const gy = values.map((n) => (x[n + width * channels] - x[n - width * channels]) / 2);
  const [xx, xy, yy] = [dot(gx, gx), dot(gx, gy), dot(gy, gy)];
  if ((xx + yy) / Math.max(1, values.length) < LEAST_SLOPE) return "flat";
  const tried = vae.entry.latents
    .filter((latent) => latent.active && !latent.values)
    .sort((a, b) => b.kl - a.kl)
    .slice(0, TRIED)
    .map((latent) => latent.index);
  const scored = derivatives(vae, z, tried, x).map((change, n) => {
    const j = values.map((place) => change[place]);
    const [a, b] = solve(
      [
        [xx + 1e-6, xy],
        [xy, yy + 1e-6],
      ],
      [-dot(j, gx), -dot(j, gy)],
    );
    const likeness = (a * a * xx + 2 * a * b * xy + b * b * yy) / Math.max(dot(j, j), 1e-9);
    return { latent: tried[n], likeness, shift: Math.hypot(a, b) };
  });
  const latents = scored
    .filter((one) => one.likeness >= LEAST_LIKENESS && one.shift >= LEAST_SHIFT)
    .sort((one, other) => other.likeness * other.shift - one.likeness * one.shift)
    .slice(0, USED)
    .map((one) => one.latent);
  if (!latents.length) return "still";
  return { latents, at: { ...at }, patch: patchOf(vae, x, at) };
}

/**
 * One step towards the pointer: the new z. `hold.at` moves along.
 *
 * @param {Vae} vae
 * @param {Float32Array} z
 * @param {Hold} hold
 * @param {Point} pointer
 */
export function pull(vae, z, hold, pointer) {
  const [dx, dy] = [pointer.x - hold.at.x, pointer.y - hold.at.y];
  const share = Math.min(1, STEP / Math.max(Math.hypot(dx, dy), 1e-9));
  hold.at = { x: hold.at.x + share * dx, y: hold.at.y + share * dy };
  const x = vae.decodeX(z);
  const change = derivatives(vae, z, hold.latents, x);
  const now = patchOf(vae, x, hold.at);
  const wanted = hold.patch.map((value, n) => value - now[n]);
  const patches = change.map((one) => patchOf(vae, one, hold.at));
  const count = hold.latents.length;
  const matrix = change.map((one, a) =>
    change.map(
      (other, b) =>
        (1 - ELSEWHERE) * dot(patches[a], patches[b]) +
        ELSEWHERE * dot(one, other) +
        (a === b ? DAMPING : 0),
    ),
  );
  const right = patches.map((patch) => (1 - ELSEWHERE) * dot(patch, wanted));
  const step = solve(matrix, right);
  const moved = z.slice();
  for (let n = 0; n < count; n++) {
    const latent = hold.latents[n];
    const by = Math.min(0.5, Math.max(-0.5, step[n]));
    const at = (z[latent] - vae.mean[latent]) / vae.std[latent] + by;
    moved[latent] = vae.mean[latent] + Math.min(MOST, Math.max(-MOST, at)) * vae.std[latent];
  }
  return moved;
}

/**
 * The values around a point, 0 outside the picture.
 *
 * @param {Vae} vae
 * @param {Float32Array} x
 * @param {Point} at
 */
function patchOf(vae, x, at) {
  const { channels } = vae;
  const found = places(vae, at);
  const patch = new Float32Array(found.length * channels);
  for (const [n, place] of found.entries())
    for (let c = 0; c < channels && place >= 0; c++) patch[n * channels + c] = x[place + c];
  return patch;
}

/**
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 */
function dot(a, b) {
  let sum = 0;
  for (let n = 0; n < a.length; n++) sum += a[n] * b[n];
  return sum;
}
