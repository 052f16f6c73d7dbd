// @ts-check
/**
 * Packed arrays of the payload as typed arrays.
 *
 * @typedef {import("./types.js").Packed} Packed
 */

/**
 * Unpack every array in `value`, at any depth: each gets its `values`, and loses its `data`.
 *
 * @param {any} value
 * @returns {Promise<void>}
 */
export async function unpackAll(value) {
  if (value === null || typeof value !== "object") return;
  if (typeof value.dtype === "string" && typeof value.data === "string") {
    await unpack(value);
    return;
  }
  await Promise.all(Object.values(value).map(unpackAll));
}

/**
 * Half floats as floats: sign, five bits of exponent, ten bits of fraction.
 *
 * @param {Uint16Array} halves
 */
export function floatsOfHalves(halves) {
  const floats = new Float32Array(halves.length);
  for (let n = 0; n < halves.length; n++) {
    const half = halves[n];
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const size =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent === 31
          ? fraction
            ? NaN
            : Infinity
          : (1 + fraction / 1024) * 2 ** (exponent - 15);
    floats[n] = half & 0x8000 ? -size : size;
  }
  return floats;
}

/** @param {Packed} packed */
async function unpack(packed) {
  const text = atob(packed.data ?? "");
  let bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  if (packed.deflate) {
    if (typeof DecompressionStream === "undefined")
      throw new Error(
        "this browser has no DecompressionStream, which unpacks the numbers; a newer one has it",
      );
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  }
  delete packed.data;
  const { buffer } = bytes;
  if (packed.dtype === "f2") packed.values = floatsOfHalves(new Uint16Array(buffer));
  else if (packed.dtype === "f4") packed.values = new Float32Array(buffer);
  else if (packed.dtype === "i4") packed.values = new Int32Array(buffer);
  else packed.values = bytes;
}
