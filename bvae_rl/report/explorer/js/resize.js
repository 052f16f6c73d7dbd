// @ts-check
/**
 * Any picture as a frame that a VAE takes: as Python's `data.pictures.resize`, each new pixel is
 * the mean of what it covers, grey is the luma of ITU-R BT.601.
 *
 * @typedef {import("./types.js").Vae} Vae
 */

const LUMA = [0.299, 0.587, 0.114];

/**
 * RGBA of any size as H x W x C, the picture repeated where a VAE takes a stack.
 *
 * @param {Uint8ClampedArray} rgba
 * @param {number} before its width
 * @param {number} rows its height
 * @param {Vae} vae
 */
export function frameOf(rgba, before, rows, vae) {
  const { channels, height, width } = vae;
  const order = vae.entry.channel_order;
  const coloured = channels % 3 === 0 && (order !== "other" || channels === 3);
  const small = averaged(rgba, before, rows, width, height);
  const frame = new Uint8Array(height * width * channels);
  for (let place = 0; place < height * width; place++) {
    const [r, g, b] = small.subarray(3 * place, 3 * place + 3);
    const grey = r * LUMA[0] + g * LUMA[1] + b * LUMA[2];
    const colours = order === "BGR" ? [b, g, r] : [r, g, b];
    for (let c = 0; c < channels; c++)
      frame[place * channels + c] = Math.round(coloured ? colours[c % 3] : grey);
  }
  return frame;
}

/**
 * @param {Uint8ClampedArray} rgba
 * @param {number} before
 * @param {number} rows
 * @param {number} width
 * @param {number} height
 */
function averaged(rgba, before, rows, width, height) {
  const across = covers(before, width);
  const down = covers(rows, height);
  const result = new Float32Array(width * height * 3);
  const line = new Float32Array(width * 3); // one row of the old picture, at the new width
  let y = 0;
  for (let row = 0; row < rows; row++) {
    const touched = [];
    while (y < height && down[y].from <= row) {
      touched.push(y);
      if (down[y].from + down[y].shares.length - 1 > row) break;
      y++;
    }
    line.fill(0);
    for (let x = 0; x < width; x++) {
      const { from, shares } = across[x];
      for (let n = 0; n < shares.length; n++) {
        const at = (row * before + from + n) * 4;
        for (let c = 0; c < 3; c++) line[3 * x + c] += shares[n] * rgba[at + c];
      }
    }
    for (const target of touched) {
      const share = down[target].shares[row - down[target].from];
      const at = target * width * 3;
      for (let k = 0; k < line.length; k++) result[at + k] += share * line[k];
    }
  }
  return result;
}

/**
 * Which old pixels each new one covers, and how much of it each is.
 *
 * @param {number} before
 * @param {number} after
 */
function covers(before, after) {
  return Array.from({ length: after }, (_, n) => {
    const low = (n * before) / after;
    const high = ((n + 1) * before) / after;
    const from = Math.floor(low);
    const to = Math.min(before, Math.ceil(high - 1e-9));
    const shares = [];
    for (let k = from; k < to; k++)
      shares.push(((Math.min(high, k + 1) - Math.max(low, k)) * after) / before);
    return { from, shares };
  });
}
