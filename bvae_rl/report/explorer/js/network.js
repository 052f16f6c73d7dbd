// @ts-check
/**
 * A network as a list of steps, made from its layers.
 *
 * @typedef {import("./types.js").Layer} Layer
 * @typedef {import("./convolutions.js").Size} Size
 * @typedef {import("./convolutions.js").Step} Step
 */

import { conv, transposed } from "./convolutions.js";
import {
  broadcast,
  codebook,
  crop,
  flatten,
  linear,
  pad,
  shuffle,
  silu,
  unflatten,
  unshuffle,
} from "./layers.js";

/** @type {Record<string, (layer: Layer, size: Size) => Step>} */
const KINDS = {
  broadcast,
  codebook,
  conv,
  crop,
  flatten,
  linear,
  pad,
  shuffle,
  silu,
  transposed,
  unflatten,
  unshuffle,
};

/**
 * A function from x to the network's output; the output's array is used again in the next run.
 *
 * @param {Layer[]} layers
 * @param {Size} size of x
 * @returns {(x: Float32Array) => Float32Array}
 */
export function makeNetwork(layers, size) {
  /** @type {Step[]} */
  const steps = [];
  for (const layer of layers) {
    const make = KINDS[layer.kind];
    if (!make) throw new Error(`this page knows no layer "${layer.kind}"`);
    const step = make(layer, size);
    steps.push(step);
    size = step.size;
  }
  return (x) => steps.reduce((value, step) => step.run(value), x);
}
