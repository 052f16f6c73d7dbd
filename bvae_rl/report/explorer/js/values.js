// @ts-check
/**
 * Rows and columns of packed arrays, and what a few latents are.
 *
 * @typedef {import("./types.js").App} App
 * @typedef {import("./types.js").Packed} Packed
 * @typedef {{name: string, kind: string, role: string, unit: string, low: number,
 *   high: number}} Factor
 */

/**
 * Column `k` of an (N, K) array.
 *
 * @param {Packed} packed
 * @param {number} k
 */
export function column({ values, shape: [count, width] }, k) {
  return Float32Array.from({ length: count }, (_, n) => values[n * width + k]);
}

/**
 * Row `n` of an array whose rows have any shape.
 *
 * @param {Packed} packed
 * @param {number} n
 */
export function row({ values, shape }, n) {
  const size = shape.slice(1).reduce((all, one) => all * one, 1);
  return values.subarray(n * size, (n + 1) * size);
}

/** @param {ArrayLike<number>} values */
export function mean(values) {
  let total = 0;
  let count = 0;
  for (let n = 0; n < values.length; n++)
    if (Number.isFinite(values[n])) {
      total += values[n];
      count += 1;
    }
  return count ? total / count : NaN;
}

/**
 * A factor's name with its unit.
 *
 * @param {Factor} factor
 */
export function withUnit({ name, unit }) {
  return unit ? `${name} (${unit})` : name;
}

/**
 * `z` with one latent at another value.
 *
 * @param {ArrayLike<number>} z
 * @param {number} latent
 * @param {number} value
 */
export function moved(z, latent, value) {
  const other = Float32Array.from(z);
  other[latent] = value;
  return other;
}

/**
 * Where a traversal takes a latent: to its values where it is quantised, else evenly around its
 * mean.
 *
 * @param {App} app
 * @param {number} vae
 * @param {number} latent
 * @param {number} [count]
 * @param {number} [widest] standard deviations
 */
export function path(app, vae, latent, count = 9, widest = 2.5) {
  const shown = app.vae(vae);
  const { values } = shown.entry.latents[latent];
  if (values) return values.map((value) => ({ value, text: value.toFixed(1) }));
  return Array.from({ length: count }, (_, n) => {
    const at = count === 1 ? 0 : widest * ((2 * n) / (count - 1) - 1);
    const text = at === 0 ? "mean" : `${at < 0 ? "\u2212" : "+"}${Math.abs(at).toFixed(1)} sd`;
    return { value: shown.mean[latent] + at * shown.std[latent], text };
  });
}
