// @ts-check
/**
 * A VAE that runs in the page: its two networks, and how its pictures are drawn.
 *
 * @typedef {import("./types.js").Vae} Vae
 * @typedef {import("./types.js").VaeEntry} VaeEntry
 */

import { makeNetwork } from "./network.js";

/**
 * @param {VaeEntry} entry
 * @returns {Vae}
 */
export function makeVae(entry) {
  const [channels, height, width] = entry.shape;
  const latents = entry.latents.length;
  const encoder = makeNetwork(entry.weights.encoder, { height, width, channels });
  const decoder = makeNetwork(entry.weights.decoder, { height: 1, width: 1, channels: latents });
  const logits = entry.likelihood === "bernoulli";
  const shown = shownChannels(entry);
  const size = height * width * channels;

  /** @param {ArrayLike<number>} z */
  function decodeX(z) {
    const x = Float32Array.from(decoder(Float32Array.from(z)));
    for (let n = 0; n < x.length; n++)
      x[n] = logits ? 1 / (1 + Math.exp(-x[n])) : Math.min(1, Math.max(0, x[n]));
    return x;
  }

  /**
   * @param {ArrayLike<number>} values
   * @param {number} scale
   */
  function rgba(values, scale) {
    const picture = new Uint8ClampedArray(height * width * 4);
    for (let from = 0, at = 0; from < size; from += channels, at += 4) {
      picture[at] = values[from + shown[0]] * scale;
      picture[at + 1] = values[from + shown[1]] * scale;
      picture[at + 2] = values[from + shown[2]] * scale;
      picture[at + 3] = 255;
    }
    return picture;
  }

  return {
    entry,
    channels,
    height,
    width,
    mean: Float32Array.from(entry.latents, (latent) => latent.mean),
    std: Float32Array.from(entry.latents, (latent) => Math.max(latent.std, 1e-6)),
    decodeX,
    decode: (z) => rgba(decodeX(z), 255),
    encode(frame) {
      if (frame.length !== size)
        throw new Error(`this VAE takes frames of ${size} values, got ${frame.length}`);
      const x = new Float32Array(size);
      for (let n = 0; n < size; n++) x[n] = frame[n] / 255;
      return encoder(x).slice(0, latents);
    },
    picture: (frame) => rgba(frame, 1),
  };
}

/**
 * Which channels are red, green and blue: of a stack those of its last picture, in grey where
 * nothing says that there are colours.
 *
 * @param {VaeEntry} entry
 */
export function shownChannels({ shape: [channels], channel_order: order }) {
  const last = channels - 1;
  const coloured = channels === 3 || (channels % 3 === 0 && order !== "other");
  if (!coloured) return [last, last, last];
  return order === "BGR" ? [last, last - 1, last - 2] : [last - 2, last - 1, last];
}
