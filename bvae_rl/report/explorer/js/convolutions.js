// @ts-check
/**
 * Convolutions on H x W x C pictures, as one product each.
 *
 * A step is made once, for its sizes; it holds its buffers and returns the same one every time.
 *
 * @typedef {import("./types.js").Layer} Layer
 * @typedef {{height: number, width: number, channels: number}} Size
 * @typedef {{size: Size, run: (x: Float32Array) => Float32Array}} Step
 */

import { product } from "./product.js";

/**
 * torch's Conv2d: gather what each place sees into a row, then multiply.
 *
 * @param {Layer} layer
 * @param {Size} size
 * @returns {Step}
 */
export function conv(layer, size) {
  const [out, channels, side] = layer.weight.shape;
  const { stride, padding } = layer;
  const height = Math.floor((size.height + 2 * padding - side) / stride) + 1;
  const width = Math.floor((size.width + 2 * padding - side) / stride) + 1;
  const seen = side * side * channels;
  const weight = reordered(layer.weight.values, out, channels, side);
  const rows = new Float32Array(height * width * seen); // the border stays 0
  const result = new Float32Array(height * width * out);
  const bias = layer.bias.values;

  /** @param {Float32Array} x */
  function run(x) {
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const left = j * stride - padding;
        const from = Math.max(0, left);
        const to = Math.min(size.width, left + side);
        for (let a = 0; a < side; a++) {
          const y = i * stride - padding + a;
          if (y < 0 || y >= size.height) continue;
          const begin = (y * size.width + from) * channels;
          const end = (y * size.width + to) * channels;
          let at = (i * width + j) * seen + (a * side + from - left) * channels;
          for (let k = begin; k < end; k++) rows[at++] = x[k];
        }
      }
    }
    product(result, rows, weight, bias, height * width, out, seen);
    return result;
  }
  return { size: { height, width, channels: out }, run };
}

/**
 * torch's ConvTranspose2d: multiply at each place, then add its k x k results where they belong.
 *
 * @param {Layer} layer
 * @param {Size} size
 * @returns {Step}
 */
export function transposed(layer, size) {
  const [channels, out, side] = layer.weight.shape;
  const { stride, padding } = layer;
  const height = (size.height - 1) * stride - 2 * padding + side;
  const width = (size.width - 1) * stride - 2 * padding + side;
  const each = side * side * out;
  const weight = new Float32Array(each * channels); // (a, b, O) x I
  for (let c = 0; c < channels; c++)
    for (let o = 0; o < out; o++)
      for (let t = 0; t < side * side; t++)
        weight[(t * out + o) * channels + c] = layer.weight.values[(c * out + o) * side * side + t];
  const parts = new Float32Array(size.height * size.width * each);
  const result = new Float32Array(height * width * out);
  const bias = layer.bias.values;

  /** @param {Float32Array} x */
  function run(x) {
    product(parts, x, weight, null, size.height * size.width, each, channels);
    for (let at = 0; at < result.length; at += out) result.set(bias, at);
    for (let i = 0; i < size.height; i++) {
      for (let j = 0; j < size.width; j++) {
        for (let a = 0; a < side; a++) {
          const y = i * stride - padding + a;
          if (y < 0 || y >= height) continue;
          for (let b = 0; b < side; b++) {
            const u = j * stride - padding + b;
            if (u < 0 || u >= width) continue;
            let from = (i * size.width + j) * each + (a * side + b) * out;
            let at = (y * width + u) * out;
            for (let o = 0; o < out; o++) result[at++] += parts[from++];
          }
        }
      }
    }
    return result;
  }
  return { size: { height, width, channels: out }, run };
}

/**
 * Weights O x I x k x k as O x k x k x I, the order in which a row is gathered.
 *
 * @param {Float32Array} values
 * @param {number} out
 * @param {number} channels
 * @param {number} side
 */
function reordered(values, out, channels, side) {
  const weight = new Float32Array(values.length);
  const taps = side * side;
  for (let o = 0; o < out; o++)
    for (let c = 0; c < channels; c++)
      for (let t = 0; t < taps; t++)
        weight[(o * taps + t) * channels + c] = values[(o * channels + c) * taps + t];
  return weight;
}
