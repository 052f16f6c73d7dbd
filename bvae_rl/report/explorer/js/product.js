// @ts-check

/**
 * The product that all layers with weights come down to: out (N, M) = rows (N, K) x weights (M, K)
 * transposed, plus a bias (M,), or 0 where there is none.
 *
 * Two rows and four outputs at a time, so that a number that was read is used more than once.
 *
 * @param {Float32Array} out
 * @param {Float32Array} rows
 * @param {Float32Array} weights
 * @param {Float32Array | null} bias
 * @param {number} N
 * @param {number} M
 * @param {number} K
 */
export function product(out, rows, weights, bias, N, M, K) {
  let n = 0;
  for (; n + 1 < N; n += 2) pair(out, rows, weights, bias, n, M, K);
  if (n < N) single(out, rows, weights, bias, n, M, K);
}

/**
 * @param {Float32Array} out
 * @param {Float32Array} rows
 * @param {Float32Array} weights
 * @param {Float32Array | null} bias
 * @param {number} n
 * @param {number} M
 * @param {number} K
 */
function pair(out, rows, weights, bias, n, M, K) {
  const first = n * K;
  const second = first + K;
  let m = 0;
  for (; m + 3 < M; m += 4) {
    const w0 = m * K;
    const w1 = w0 + K;
    const w2 = w1 + K;
    const w3 = w2 + K;
    let a0 = bias ? bias[m] : 0;
    let a1 = bias ? bias[m + 1] : 0;
    let a2 = bias ? bias[m + 2] : 0;
    let a3 = bias ? bias[m + 3] : 0;
    let b0 = a0;
    let b1 = a1;
    let b2 = a2;
    let b3 = a3;
    for (let k = 0; k < K; k++) {
      const x = rows[first + k];
      const y = rows[second + k];
      const u0 = weights[w0 + k];
      const u1 = weights[w1 + k];
      const u2 = weights[w2 + k];
      const u3 = weights[w3 + k];
      a0 += x * u0;
      a1 += x * u1;
      a2 += x * u2;
      a3 += x * u3;
      b0 += y * u0;
      b1 += y * u1;
      b2 += y * u2;
      b3 += y * u3;
    }
    const at = n * M + m;
    out[at] = a0;
    out[at + 1] = a1;
    out[at + 2] = a2;
    out[at + 3] = a3;
    out[at + M] = b0;
    out[at + M + 1] = b1;
    out[at + M + 2] = b2;
    out[at + M + 3] = b3;
  }
  for (; m < M; m++) {
    let a = bias ? bias[m] : 0;
    let b = a;
    for (let k = 0, w = m * K; k < K; k++, w++) {
      a += rows[first + k] * weights[w];
      b += rows[second + k] * weights[w];
    }
    out[n * M + m] = a;
    out[(n + 1) * M + m] = b;
  }
}

/**
 * @param {Float32Array} out
 * @param {Float32Array} rows
 * @param {Float32Array} weights
 * @param {Float32Array | null} bias
 * @param {number} n
 * @param {number} M
 * @param {number} K
 */
function single(out, rows, weights, bias, n, M, K) {
  for (let m = 0; m < M; m++) {
    let a = bias ? bias[m] : 0;
    for (let k = 0, w = m * K, r = n * K; k < K; k++, w++, r++) a += rows[r] * weights[w];
    out[n * M + m] = a;
  }
}
