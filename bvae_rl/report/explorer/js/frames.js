// @ts-check
/**
 * A frame to start from: one of the page's, or any picture of the reader's. It is encoded here, and
 * stands beside its reconstruction and the error.
 *
 * @typedef {import("./types.js").App} App
 */

import { short } from "./chart.js";
import { errorMap } from "./colours.js";
import { button, element, picture } from "./dom.js";
import { frameOf } from "./resize.js";
import { plain } from "./words.js";

const MOST = 51; // of 255: the error that is drawn lightest, a fifth of the range

/**
 * @param {HTMLElement} place
 * @param {App} app
 */
export function mountFrames(place, app) {
  place.append(beside(app), element("div", {}, strip(app), opener(app)));
}

/** @param {App} app */
function beside(app) {
  const frame = picture("the frame");
  const reconstruction = picture("its reconstruction");
  const error = picture("the error of the reconstruction");
  const words = element("p", { class: "said", role: "status" });
  const caption = (/** @type {HTMLElement} */ of, /** @type {string} */ text) =>
    element("figure", {}, of, element("figcaption", {}, text));

  function show() {
    const { frame: values, label } = app.state;
    if (!values) return;
    const vae = app.vae();
    const shown = vae.picture(values);
    const decoded = vae.decode(vae.encode(values));
    app.draw(frame, shown);
    app.draw(reconstruction, decoded);
    app.draw(error, errorMap(shown, decoded, MOST));
    frame.setAttribute("aria-label", label);
    let total = 0;
    for (let n = 0; n < shown.length; n++) total += Math.abs(shown[n] - decoded[n]);
    const mean = total / ((shown.length / 4) * 3);
    words.textContent =
      `${label}. Mean error ${mean.toFixed(1)} of 255; ` +
      `in the error map, ${MOST} and more is the lightest.`;
  }
  app.on("frame", show);
  app.on("vae", show);
  const three = element(
    "div",
    { class: "three" },
    caption(frame, "frame"),
    caption(reconstruction, "reconstruction"),
    caption(error, "error"),
  );
  return element("div", {}, three, words);
}

/** @param {App} app */
function strip(app) {
  const { pictures, source } = app.payload.frames;
  const list = element("div", { class: "strip", role: "group", "aria-label": "frames" });
  /** @type {HTMLButtonElement[]} */
  const buttons = [];
  for (let index = 0; index < pictures.shape[0]; index++) {
    const label = labelOf(app, index);
    const small = element("canvas", { "aria-hidden": "true", class: "picture" });
    const take = button("", () => app.show(app.frame(index), label), {
      "aria-label": label,
      "aria-pressed": "false",
      title: label,
    });
    take.append(small);
    app.draw(small, app.vae().picture(app.frame(index)));
    buttons.push(take);
    list.append(take);
  }
  app.on("frame", () => {
    for (const [index, one] of buttons.entries())
      one.setAttribute("aria-pressed", String(labelOf(app, index) === app.state.label));
  });
  return element("div", {}, list, element("p", { class: "said" }, source));
}

/**
 * "Frame 3", with its true factors where they are known.
 *
 * @param {App} app
 * @param {number} index
 */
export function labelOf(app, index) {
  const { factors, factor_names: names = [], drawn } = app.payload.frames;
  const known = names.map((name, k) => {
    const value = factors?.values[index * names.length + k] ?? NaN;
    return `${plain(name)} ${short(value)}`;
  });
  const what = `${drawn ? "Drawn frame" : "Frame"} ${index + 1}`;
  return known.length ? `${what}: ${known.join(", ")}` : what;
}

/** @param {App} app */
function opener(app) {
  const input = element("input", { type: "file", id: "file", accept: "image/png,image/jpeg" });
  const words = element("p", { class: "said", role: "status" });

  /** @param {File | undefined} file */
  async function take(file) {
    if (!file) return;
    const vae = app.vae();
    try {
      const { rgba, width, height } = await pixelsOf(file);
      const { width: w, height: h } = vae;
      const same = width === w && height === h;
      app.show(frameOf(rgba, width, height, vae), file.name);
      words.textContent = same ? "" : `Resized from ${width} x ${height} to ${w} x ${h}.`;
    } catch {
      words.textContent = `${file.name} is no picture that this browser reads; take a PNG or a JPEG.`;
    }
  }
  input.addEventListener("change", () => take(input.files?.[0]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer?.files[0]);
  });
  const label = element("label", { for: "file" }, "Open a picture (PNG, JPEG), or drop one here ");
  return element("div", { class: "opener" }, label, input, words);
}

/** @param {File} file */
async function pixelsOf(file) {
  const bitmap = await createImageBitmap(file, {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const { width, height } = bitmap;
  const canvas = element("canvas", { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no canvas");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { rgba: context.getImageData(0, 0, width, height).data, width, height };
}
