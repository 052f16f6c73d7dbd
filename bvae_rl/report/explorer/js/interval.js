// @ts-check
/**
 * A number with its interval, in words.
 *
 * @typedef {import("./types.js").Packed} Packed
 * @typedef {{value: Packed, low: Packed, high: Packed}} Bounded
 */

/**
 * "0.76 (0.74 to 0.78)"; what could not be measured says so.
 *
 * @param {Bounded} bounded
 * @param {number} at
 */
export function interval({ value, low, high }, at) {
  const text = (/** @type {number} */ number) => {
    const rounded = number.toFixed(2);
    return (Number(rounded) === 0 ? "0.00" : rounded).replace("-", "\u2212");
  };
  const [middle, a, b] = [value, low, high].map((one) => one.values[at]);
  if (Number.isNaN(middle)) return "not measured";
  return Number.isNaN(a + b) ? text(middle) : `${text(middle)} (${text(a)} to ${text(b)})`;
}
