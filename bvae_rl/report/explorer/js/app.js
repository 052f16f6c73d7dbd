// @ts-check
/**
 * What all panels share: the payload, the VAEs, and where the latents stand.
 *
 * @typedef {import("./types.js").App} App
 * @typedef {import("./types.js").Happening} Happening
 * @typedef {import("./types.js").Payload} Payload
 * @typedef {import("./types.js").Vae} Vae
 */

import { makeVae } from "./vae.js";

/**
 * @param {Payload} payload whose arrays are unpacked
 * @returns {App}
 */
export function makeApp(payload) {
  /** @type {(Vae | undefined)[]} */
  const vaes = payload.vaes.map(() => undefined);
  /** @type {Record<Happening, (() => void)[]>} */
  const listeners = { change: [], frame: [], vae: [] };
  let waiting = false;

  /** @param {Happening} what */
  function happened(what) {
    for (const listener of listeners[what]) listener();
  }

  function changed() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      happened("change");
    });
  }

  /** @param {number} [index] */
  function vae(index = state.vae) {
    return (vaes[index] ??= makeVae(payload.vaes[index]));
  }

  /** @type {App["state"]} */
  const state = { vae: 0, z: new Float32Array(0), frame: null, label: "" };
  state.z = vae().mean.slice();

  /** @param {number} index */
  function frame(index) {
    const { shape, values } = payload.frames.pictures;
    const size = shape[1] * shape[2] * shape[3];
    return /** @type {Uint8Array} */ (values).subarray(index * size, (index + 1) * size);
  }

  return {
    payload,
    state,
    vae,
    frame,
    set(z) {
      state.z = Float32Array.from(z);
      changed();
    },
    show(picture, label) {
      state.frame = picture;
      state.label = label;
      state.z = vae().encode(picture);
      happened("frame");
      changed();
    },
    choose(index) {
      state.vae = index;
      state.z = state.frame ? vae().encode(state.frame) : vae().mean.slice();
      happened("vae");
      changed();
    },
    on: (what, listener) => void listeners[what].push(listener),
    draw(canvas, rgba, width = vae().width, height = vae().height) {
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
      const image = new ImageData(new Uint8ClampedArray(rgba), width, height);
      canvas.getContext("2d")?.putImageData(image, 0, 0);
    },
  };
}
