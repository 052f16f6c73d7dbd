// @ts-check
/**
 * The page: its head, the live part, and the panels.
 *
 * @typedef {import("./types.js").App} App
 */

import { makeApp } from "./app.js";
import { unpackAll } from "./arrays.js";
import { element } from "./dom.js";
import { labelOf } from "./frames.js";
import { mountHead } from "./head.js";
import { PANELS } from "./panels.js";
import { mountStage } from "./stage.js";
import { mountSwap } from "./swap.js";

start().catch(tell);

async function start() {
  const payload = JSON.parse(document.getElementById("payload")?.textContent ?? "{}");
  await unpackAll(payload);
  const app = makeApp(payload);
  for (const index of payload.vaes.keys()) app.vae(index); // one that cannot run is said now
  const main = /** @type {HTMLElement} */ (document.getElementById("explorer"));
  mountHead(main, app);
  mountStage(add(main, "latents", "Move the latents"), app);
  if (payload.frames.pictures.shape[0] > 0) {
    app.show(app.frame(0), labelOf(app, 0));
  }
  const swap = add(main, "swap", swapTitle(app));
  app.on("vae", () => (swap.children[0].textContent = swapTitle(app)));
  mountSwap(swap, app);
  for (const panel of PANELS) {
    const note = payload.notes[panel.key];
    if (!(panel.key in payload) && !note) continue;
    const section = add(main, panel.key, panel.title);
    if (panel.key in payload) panel.mount(section, app);
    else section.append(element("p", { class: "note" }, note));
  }
  Object.assign(globalThis, { explorer: app });
  document.documentElement.dataset.ready = "yes";
}

/**
 * Say on the page why it is blank or ends early; the console has the fault itself.
 *
 * @param {unknown} fault
 */
function tell(fault) {
  const reason = fault instanceof Error ? fault.message : String(fault);
  const words = `The explorer could not be built to its end: ${reason}.`;
  const note = element("p", { class: "note", role: "alert" }, words);
  document.getElementById("explorer")?.prepend(note);
  throw fault;
}

/** @param {App} app */
function swapTitle(app) {
  const names = Object.keys(app.vae().entry.groups);
  const what = names.length === 2 ? names.join(" and ") : "groups of latents";
  return `Swap ${what} between two frames`;
}

/**
 * @param {HTMLElement} main
 * @param {string} id
 * @param {string} title
 */
function add(main, id, title) {
  const heading = element("h2", { id: `${id}-title` }, title);
  const section = element("section", { id, "aria-labelledby": heading.id }, heading);
  main.append(section);
  return section;
}
