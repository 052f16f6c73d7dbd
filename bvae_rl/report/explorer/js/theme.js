// @ts-check
/**
 * The page's colours as canvases need them, and when they change.
 *
 * @typedef {[number, number, number]} Rgb
 */

// Lines that are told apart in all common kinds of colour blindness, on a light and a dark page.
const LINES = {
  light: ["#0068a3", "#b34700", "#00785a", "#a8327e", "#6b5500", "#4b4b9b"],
  dark: ["#6cbcf0", "#ffa25e", "#4fd1ae", "#f09ad0", "#e8d46a", "#b3b0f5"],
};
export const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [4, 6]];

/**
 * The colour that a custom property such as "--fg" has now.
 *
 * @param {string} name
 * @returns {Rgb}
 */
export function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const text = getComputedStyle(probe).color;
  probe.remove();
  const [r, g, b] = (text.match(/[\d.]+/g) ?? ["0", "0", "0"]).map(Number);
  return [r, g, b];
}

/** @param {Rgb} rgb */
export function css([r, g, b]) {
  return `rgb(${Math.round(r)} ${Math.round(g)} ${Math.round(b)})`;
}

/**
 * @param {Rgb} from
 * @param {Rgb} to
 * @param {number} share 0 is `from`
 * @returns {Rgb}
 */
export function mix(from, to, share) {
  const at = (/** @type {number} */ c) => from[c] + share * (to[c] - from[c]);
  return [at(0), at(1), at(2)];
}

/**
 * Black or white, whichever is read better on a colour: always at 4.5 to 1 or better.
 *
 * @param {Rgb} back
 */
export function inkOn(back) {
  const [r, g, b] = back.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000000" : "#ffffff";
}

/** Whether the page is dark now. */
export function isDark() {
  const [r, g, b] = colour("--paper");
  return r + g + b < 384;
}

/** @returns {string[]} the colours of lines in turn */
export function lineColours() {
  return LINES[isDark() ? "dark" : "light"];
}

/**
 * Call `listener` whenever the page turns light or dark.
 *
 * @param {() => void} listener
 */
export function onTheme(listener) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener);
  new MutationObserver(listener).observe(document.documentElement, {
    attributeFilter: ["data-theme"],
  });
}
