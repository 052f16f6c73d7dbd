// @ts-check
/**
 * A heatmap as a table: each cell a number and its colour. Arrow keys go from cell to cell, the
 * pointer shows what a cell says, a click or Enter chooses it.
 *
 * @typedef {object} Cell
 * @property {number} value 0 to 1, of which the colour is made
 * @property {string} text in the cell
 * @property {string} words what hovering shows and a screen reader says
 *
 * @typedef {object} Grid
 * @property {HTMLElement} place
 * @property {() => void} repaint with other values, or in other colours
 * @property {(row: number, column: number) => void} mark the chosen cell
 */

import { element } from "./dom.js";
import { hideHint, showHint } from "./hint.js";
import { colour, css, inkOn, mix } from "./theme.js";

const SEEN = 0.01; // from which a cell has a colour and a number
const FAINTEST = 0.1; // of the full colour

/**
 * A share as a cell shows it.
 *
 * @param {number} share
 */
export function inCell(share) {
  return share >= SEEN ? share.toFixed(2).replace(/^0/, "") : "";
}

/**
 * How much of the full colour a value has: small ones are still seen.
 *
 * @param {number} value 0 to 1
 */
function tint(value) {
  return value >= SEEN ? FAINTEST + (1 - FAINTEST) * Math.min(1, value) ** 0.8 : 0;
}

/**
 * @param {object} what
 * @param {string} what.label
 * @param {string[]} what.rows
 * @param {string[]} what.columns
 * @param {(row: number, column: number) => Cell} what.cell
 * @param {(row: number, column: number) => void} [what.pick]
 * @returns {Grid}
 */
export function makeGrid({ label, rows, columns, cell, pick }) {
  const table = element("table", { class: "grid", role: "grid", "aria-label": label });
  const head = element("tr", { role: "row" }, element("td", { role: "gridcell" }));
  for (const name of columns)
    head.append(
      element("th", { scope: "col", role: "columnheader", title: name }, element("span", {}, name)),
    );
  table.append(element("thead", { role: "rowgroup" }, head));
  const body = element("tbody", { role: "rowgroup" });
  table.append(body);
  /** @type {HTMLTableCellElement[][]} */
  const cells = rows.map((name, row) => {
    const line = element("tr", { role: "row" });
    line.append(element("th", { scope: "row", role: "rowheader" }, name));
    const made = columns.map((_, column) => makeCell(row, column));
    line.append(...made);
    body.append(line);
    return made;
  });

  /**
   * @param {number} row
   * @param {number} column
   */
  function makeCell(row, column) {
    const one = element("td", { role: "gridcell", tabindex: row + column ? -1 : 0 });
    one.addEventListener("pointermove", (event) =>
      showHint(cell(row, column).words, event.clientX, event.clientY),
    );
    one.addEventListener("pointerleave", hideHint);
    one.addEventListener("blur", hideHint);
    one.addEventListener("focus", () => {
      if (!one.matches(":focus-visible")) return;
      const box = one.getBoundingClientRect();
      showHint(cell(row, column).words, box.right, box.top);
    });
    if (pick) one.addEventListener("click", () => choose(row, column));
    one.addEventListener("keydown", (event) => step(event, row, column));
    return one;
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} row
   * @param {number} column
   */
  function step(event, row, column) {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const move = moves[/** @type {keyof typeof moves} */ (event.key)];
    if (move) focus(row + move[0], column + move[1]);
    else if (event.key === "Home") focus(row, 0);
    else if (event.key === "End") focus(row, columns.length - 1);
    else if (pick && (event.key === "Enter" || event.key === " ")) choose(row, column);
    else return;
    event.preventDefault();
  }

  /**
   * @param {number} row
   * @param {number} column
   */
  function focus(row, column) {
    const one = cells[row]?.[column];
    if (!one) return;
    enter(one);
    one.focus();
  }

  /** @param {HTMLTableCellElement} one */
  function enter(one) {
    for (const other of cells.flat()) other.tabIndex = other === one ? 0 : -1;
  }

  /**
   * @param {number} row
   * @param {number} column
   */
  function choose(row, column) {
    mark(row, column);
    pick?.(row, column);
  }

  /**
   * @param {number} row
   * @param {number} column
   */
  function mark(row, column) {
    for (const other of cells.flat()) other.setAttribute("aria-selected", "false");
    cells[row]?.[column]?.setAttribute("aria-selected", "true");
    if (cells[row]?.[column]) enter(cells[row][column]);
  }

  function repaint() {
    const [paper, full] = [colour("--paper"), colour("--accent")];
    for (let row = 0; row < rows.length; row++)
      for (let column = 0; column < columns.length; column++) {
        const { value, text, words } = cell(row, column);
        const one = cells[row][column];
        const back = mix(paper, full, tint(value));
        one.style.background = css(back);
        one.style.color = inkOn(back);
        if (one.textContent !== text) one.textContent = text;
        one.setAttribute("aria-label", words);
      }
  }
  repaint();
  return { place: element("div", { class: "scrolls" }, table), repaint, mark };
}
