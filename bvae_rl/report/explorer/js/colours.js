// @ts-check

// From dark to light through blue, red and yellow, each step lighter than the last: it reads the
// same without colour, and in all common kinds of colour blindness.
const STOPS = [
  [0, 0, 10],
  [52, 16, 110],
  [140, 41, 110],
  [217, 87, 60],
  [250, 170, 40],
  [253, 250, 180],
];

/**
 * A share from 0 to 1 as a colour.
 *
 * @param {number} share
 * @returns {[number, number, number]}
 */
export function heat(share) {
  const place = Math.min(1, Math.max(0, share)) * (STOPS.length - 1);
  const from = Math.min(STOPS.length - 2, Math.floor(place));
  const rest = place - from;
  const [a, b] = [STOPS[from], STOPS[from + 1]];
  const mix = (/** @type {number} */ c) => Math.round(a[c] + rest * (b[c] - a[c]));
  return [mix(0), mix(1), mix(2)];
}

/**
 * The mean distance of two pictures at each pixel, 0..255, as colours: `most` is the lightest.
 *
 * @param {Uint8ClampedArray} one RGBA
 * @param {Uint8ClampedArray} other
 * @param {number} most
 */
export function errorMap(one, other, most) {
  const map = new Uint8ClampedArray(one.length);
  for (let at = 0; at < one.length; at += 4) {
    let distance = 0;
    for (let c = 0; c < 3; c++) distance += Math.abs(one[at + c] - other[at + c]) / 3;
    map.set(heat(distance / most), at);
    map[at + 3] = 255;
  }
  return map;
}
