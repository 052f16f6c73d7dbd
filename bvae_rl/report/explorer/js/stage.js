// @ts-check
/**
 * The picture that the latents make, which can be taken hold of, and the sliders beside it.
 *
 * @typedef {import("./types.js").App} App
 * @typedef {import("./grab.js").Hold} Hold
 * @typedef {import("./grab.js").Point} Point
 */

import { button, element, picture } from "./dom.js";
import { mountFrames } from "./frames.js";
import { pull, takeHold } from "./grab.js";
import { mountSliders } from "./sliders.js";
import { titleOf } from "./words.js";

const HINT = "Drag what you see, or move the sliders.";

/**
 * @param {HTMLElement} section
 * @param {App} app
 */
export function mountStage(section, app) {
  const canvas = picture("what the decoder draws from the latents", "picture stage");
  canvas.id = "stage";
  const said = element("p", { class: "said", role: "status" }, HINT);
  const start = button("Back to the frame", () => {
    if (app.state.frame) app.set(app.vae().encode(app.state.frame));
  });
  const mean = button("To the mean", () => app.set(app.vae().mean));
  const random = button("At random", () => app.set(drawn(app)));
  const frames = element("div", { class: "frames" });
  const sliders = element("div", { class: "all-sliders", id: "sliders" });
  const buttons = element("div", { class: "buttons" }, start, mean, random);
  const shown = element("div", { class: "shown" }, canvas, said, buttons);
  section.append(element("div", { class: "columns" }, shown, sliders), frames);
  app.on("change", () => app.draw(canvas, app.vae().decode(app.state.z)));
  app.draw(canvas, app.vae().decode(app.state.z));
  draggable(canvas, app, (text) => (said.textContent = text));
  mountFrames(frames, app);
  mountSliders(sliders, app);
}

/**
 * Latents as they lie over the frames: normal, with their means and standard deviations.
 *
 * @param {App} app
 */
function drawn(app) {
  const { mean, std, entry } = app.vae();
  return mean.map((middle, d) => {
    const { values } = entry.latents[d];
    if (values) return values[Math.floor(Math.random() * values.length)];
    const [u, v] = [1 - Math.random(), Math.random()];
    return middle + std[d] * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  });
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {App} app
 * @param {(text: string) => void} say
 */
function draggable(canvas, app, say) {
  /** @type {Hold | null} */
  let hold = null;
  /** @type {Point} */
  let pointer = { x: 0, y: 0 };
  let following = false;

  /** @param {PointerEvent} event */
  function pixel(event) {
    const box = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * canvas.width - 0.5,
      y: ((event.clientY - box.top) / box.height) * canvas.height - 0.5,
    };
  }

  function follow() {
    following = false;
    if (!hold) return;
    app.set(pull(app.vae(), app.state.z, hold, pointer));
    if (Math.hypot(pointer.x - hold.at.x, pointer.y - hold.at.y) > 0.05) later();
  }

  function later() {
    if (following) return;
    following = true;
    requestAnimationFrame(follow);
  }

  canvas.addEventListener("pointerdown", (event) => {
    pointer = pixel(event);
    const taken = takeHold(app.vae(), app.state.z, pointer);
    hold = typeof taken === "string" ? null : taken;
    if (taken === "flat") say("There is nothing to take hold of here: the picture is even.");
    else if (taken === "still") say("No latent moves what is here.");
    else say(`Moves: ${taken.latents.map((d) => titleOf(app.vae().entry.latents[d])).join("; ")}`);
    canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!hold) return;
    pointer = pixel(event);
    later();
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, () => (hold = null));
}
