// @ts-check
/**
 * All layers but the convolutions. Pictures are H x W x C, vectors have one place.
 *
 * @typedef {import("./types.js").Layer} Layer
 * @typedef {import("./convolutions.js").Size} Size
 * @typedef {import("./convolutions.js").Step} Step
 */

import { product } from "./product.js";

/**
 * @param {Layer} layer
 * @param {Size} _
 * @returns {Step}
 */
export function linear(layer, _) {
  const [out, seen] = layer.weight.shape;
  const result = new Float32Array(out);
  const { values } = layer.weight;
  const bias = layer.bias.values;
  return {
    size: { height: 1, width: 1, channels: out },
    run(x) {
      product(result, x, values, bias, 1, out, seen);
      return result;
    },
  };
}

/**
 * x * sigmoid(x), in place: what came before is needed no more.
 *
 * @param {Layer} _
 * @param {Size} size
 * @returns {Step}
 */
export function silu(_, size) {
  return {
    size,
    run(x) {
      for (let n = 0; n < x.length; n++) x[n] /= 1 + Math.exp(-x[n]);
      return x;
    },
  };
}

/**
 * A layer that only moves numbers: `source` has the place of each result in x, -1 for a zero.
 *
 * @param {Size} size of the result
 * @param {(y: number, x: number, c: number) => number} place
 * @returns {Step}
 */
function moved(size, place) {
  const { height, width, channels } = size;
  const source = new Int32Array(height * width * channels);
  let at = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++) source[at++] = place(y, x, c);
  const result = new Float32Array(source.length);
  return {
    size,
    run(x) {
      for (let n = 0; n < source.length; n++) result[n] = source[n] < 0 ? 0 : x[source[n]];
      return result;
    },
  };
}

/**
 * @param {Layer} layer
 * @param {Size} size
 */
export function pad(layer, { height, width, channels }) {
  const padded = { height: height + layer.bottom, width: width + layer.right, channels };
  return moved(padded, (y, x, c) =>
    y < height && x < width ? (y * width + x) * channels + c : -1,
  );
}

/**
 * @param {Layer} layer
 * @param {Size} size
 */
export function crop(layer, { width, channels }) {
  const cut = { height: layer.height, width: layer.width, channels };
  return moved(cut, (y, x, c) => (y * width + x) * channels + c);
}

/**
 * Blocks of f x f pixels as channels: channel c * f * f + a * f + b is pixel (a, b) of the block.
 *
 * @param {Layer} layer
 * @param {Size} size
 */
export function unshuffle({ factor }, { height, width, channels }) {
  const size = {
    height: height / factor,
    width: width / factor,
    channels: channels * factor * factor,
  };
  return moved(size, (y, x, c) => {
    const a = Math.floor(c / factor) % factor;
    const from = Math.floor(c / (factor * factor));
    return ((y * factor + a) * width + x * factor + (c % factor)) * channels + from;
  });
}

/**
 * @param {Layer} layer
 * @param {Size} size
 */
export function shuffle({ factor }, { height, width, channels }) {
  const size = {
    height: height * factor,
    width: width * factor,
    channels: channels / (factor * factor),
  };
  return moved(size, (y, x, c) => {
    const from = (c * factor + (y % factor)) * factor + (x % factor);
    return (Math.floor(y / factor) * width + Math.floor(x / factor)) * channels + from;
  });
}

/**
 * @param {Layer} _
 * @param {Size} size
 */
export function flatten(_, { height, width, channels }) {
  const places = height * width;
  const size = { height: 1, width: 1, channels: places * channels };
  return moved(size, (_y, _x, c) => (c % places) * channels + Math.floor(c / places));
}

/**
 * @param {Layer} layer
 * @param {Size} _
 */
export function unflatten(layer, _) {
  const [channels, height, width] = layer.shape;
  return moved({ height, width, channels }, (y, x, c) => (c * height + y) * width + x);
}

/**
 * @param {Layer} layer
 * @param {Size} size
 * @returns {Step}
 */
export function broadcast({ height, width }, { channels }) {
  const each = channels + 2;
  const result = new Float32Array(height * width * each);
  return {
    size: { height, width, channels: each },
    run(z) {
      for (let y = 0, at = 0; y < height; y++) {
        for (let x = 0; x < width; x++, at += each) {
          for (let c = 0; c < channels; c++) result[at + c] = z[c];
          result[at + channels] = width > 1 ? (2 * x) / (width - 1) - 1 : -1;
          result[at + channels + 1] = height > 1 ? (2 * y) / (height - 1) - 1 : -1;
        }
      }
      return result;
    },
  };
}

/**
 * The first D numbers, each as the nearest of its values, of two the first.
 *
 * @param {Layer} layer
 * @param {Size} _
 * @returns {Step}
 */
export function codebook(layer, _) {
  const [latents, levels] = layer.values.shape;
  const { values } = layer.values;
  const result = new Float32Array(latents);
  return {
    size: { height: 1, width: 1, channels: latents },
    run(x) {
      for (let d = 0; d < latents; d++) {
        let best = d * levels;
        for (let v = best + 1; v < (d + 1) * levels; v++)
          if (Math.abs(x[d] - values[v]) < Math.abs(x[d] - values[best])) best = v;
        result[d] = values[best];
      }
      return result;
    },
  };
}
