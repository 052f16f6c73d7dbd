// @ts-check

/**
 * The solution of a small system of linear equations, by elimination with pivots.
 *
 * @param {number[][]} matrix regular, n x n
 * @param {number[]} right
 * @returns {number[]}
 */
export function solve(matrix, right) {
  const rows = matrix.map((row, n) => [...row, right[n]]);
  const size = rows.length;
  for (let k = 0; k < size; k++) {
    let best = k;
    for (let n = k + 1; n < size; n++) if (Math.abs(rows[n][k]) > Math.abs(rows[best][k])) best = n;
    [rows[k], rows[best]] = [rows[best], rows[k]];
    for (let n = 0; n < size; n++) {
      if (n === k || rows[k][k] === 0) continue;
      const factor = rows[n][k] / rows[k][k];
      for (let m = k; m <= size; m++) rows[n][m] -= factor * rows[k][m];
    }
  }
  return rows.map((row, k) => (row[k] === 0 ? 0 : row[size] / row[k]));
}
