// @ts-check
/**
 * The shapes of things, for the type checker; nothing here runs.
 *
 * Pictures are H x W x C, row by row, as in a canvas; torch's C x H x W appears only where a
 * linear layer needs its order.
 *
 * @typedef {Float32Array | Uint8Array | Int32Array} Values
 *
 * @typedef {object} Packed An array as Python packs it; `values` once it is unpacked.
 * @property {"f2" | "f4" | "u1" | "i4"} dtype
 * @property {number[]} shape
 * @property {string} [data]
 * @property {boolean} [deflate]
 * @property {Values} values
 *
 * @typedef {object} Latent
 * @property {number} index
 * @property {string} name "content 2", or "z2" without groups
 * @property {string | null} group
 * @property {string | null} tracks the factor of which it holds the largest share
 * @property {number | null} share of that factor's information, 0 to 1
 * @property {number} kl information about the frame, in nats
 * @property {boolean} active
 * @property {number} mean
 * @property {number} std
 * @property {number[]} [values] of a quantised latent, rising
 *
 * @typedef {{kind: string, [key: string]: any}} Layer
 *
 * @typedef {object} VaeEntry
 * @property {string} name
 * @property {[number, number, number]} shape C, H, W
 * @property {Record<string, [number, number]>} groups
 * @property {string} likelihood "gaussian" or "bernoulli"
 * @property {string} channel_order "RGB", "BGR" or "other"
 * @property {string} about a sentence on how it came about
 * @property {Latent[]} latents
 * @property {{encoder: Layer[], decoder: Layer[]}} weights
 *
 * @typedef {object} FramesEntry
 * @property {Packed} pictures (N, H, W, C)
 * @property {string} source
 * @property {boolean} drawn whether a decoder made them
 * @property {Packed} [factors] (N, K)
 * @property {string[]} [factor_names]
 *
 * @typedef {object} Payload
 * @property {string} title
 * @property {VaeEntry[]} vaes
 * @property {FramesEntry} frames
 * @property {Record<string, string>} notes why a panel is not shown, by its key
 * @property {any} [matrix]
 * @property {any} [episodes]
 * @property {any} [factor_traversals]
 * @property {any} [history]
 * @property {any} [beside]
 *
 * @typedef {object} Vae
 * @property {VaeEntry} entry
 * @property {number} channels
 * @property {number} height
 * @property {number} width
 * @property {Float32Array} mean of the latents
 * @property {Float32Array} std of the latents, at least a little
 * @property {(z: ArrayLike<number>) => Float32Array} decodeX z -> x in [0, 1], H x W x C
 * @property {(z: ArrayLike<number>) => Uint8ClampedArray} decode z -> RGBA, H x W x 4
 * @property {(x: ArrayLike<number>) => Float32Array} encode frame in 0..255, H x W x C -> z
 * @property {(frame: ArrayLike<number>) => Uint8ClampedArray} picture frame in 0..255 -> RGBA
 *
 * @typedef {object} State
 * @property {number} vae which VAE is shown
 * @property {Float32Array} z its latents
 * @property {Uint8Array | null} frame the frame that was encoded last, H x W x C
 * @property {string} label what that frame is
 *
 * @typedef {"change" | "frame" | "vae"} Happening `change`: z moved, at most once a screen
 *   refresh; `frame`: another frame was encoded; `vae`: another VAE was chosen.
 *
 * @typedef {object} App
 * @property {Payload} payload
 * @property {State} state
 * @property {(index?: number) => Vae} vae the VAE of this number, by default the chosen one
 * @property {(z: ArrayLike<number>) => void} set move the latents
 * @property {(frame: Uint8Array, label: string) => void} show encode a frame and go to its code
 * @property {(index: number) => void} choose take another VAE, with the same frame
 * @property {(what: Happening, listener: () => void) => void} on
 * @property {(canvas: HTMLCanvasElement, rgba: Uint8ClampedArray, width?: number,
 *   height?: number) => void} draw into a canvas, which takes this size; by default of the VAE's
 * @property {(index: number) => Uint8Array} frame number `index` of the payload's frames
 */
export {};
