// @ts-check
/**
 * Numbers and names as a reader sees them.
 *
 * @typedef {import("./types.js").Latent} Latent
 */

/**
 * "target_x" as "target x".
 *
 * @param {string} name
 */
export function plain(name) {
  return name.replaceAll("_", " ");
}

/**
 * "content 2: target x, 76%", or "content 2" where it is not known what it tracks.
 *
 * @param {Latent} latent
 */
export function titleOf(latent) {
  if (!latent.tracks) return latent.name;
  const share = latent.share === null ? "" : `, ${Math.round(100 * latent.share)}%`;
  return `${latent.name}: ${plain(latent.tracks)}${share}`;
}

/**
 * With a sign that is as wide as the others.
 *
 * @param {number} value
 * @param {number} [digits]
 */
export function signed(value, digits = 1) {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value < 0 ? "\u2212" : "+"}${text}`;
}

/**
 * "one latent", "3 latents".
 *
 * @param {number} count
 * @param {string} noun
 */
export function counted(count, noun) {
  return count === 1 ? `one ${noun}` : `${count} ${noun}s`;
}
