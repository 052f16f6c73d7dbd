// @ts-check
/**
 * What panels open on: the factor of the state that a single latent tells most of.
 *
 * @typedef {import("./types.js").App} App
 * @typedef {import("./matrix.js").Matrix} Matrix
 * @typedef {{name: string, role: string, there?: boolean[]}} Known
 */

const ENOUGH = 5; // values of a factor that the world moves

/**
 * Its place in `factors`. One of the appearance, or of few values, where there is no other; without
 * a matrix the first of those.
 *
 * @param {App} app
 * @param {Known[]} factors
 */
export function bestFactor(app, factors) {
  /** @type {Matrix | undefined} */
  const matrix = app.payload.matrix;
  const place = (/** @type {Known} */ { name, role, there }) => {
    const values = there ? there.filter(Boolean).length : ENOUGH;
    return [Number(role === "state"), Number(values >= ENOUGH), held(app, matrix, name)];
  };
  const places = factors.map(place);
  const better = (/** @type {number[]} */ one, /** @type {number[]} */ other) => {
    const differs = one.findIndex((value, n) => value !== other[n]);
    return differs >= 0 && one[differs] > other[differs];
  };
  return places.reduce((best, one, k) => (better(one, places[best]) ? k : best), 0);
}

/**
 * The largest share of a factor's information that a latent holds.
 *
 * @param {App} app
 * @param {Matrix | undefined} matrix
 * @param {string} name
 */
function held(app, matrix, name) {
  const k = matrix?.factors.findIndex((factor) => factor.name === name) ?? -1;
  if (!matrix || k < 0) return 0;
  const { values, shape } = matrix.vaes[app.state.vae].information.value;
  let most = 0;
  for (let d = 0; d < shape[0]; d++) most = Math.max(most, values[d * shape[1] + k] || 0);
  return most;
}
