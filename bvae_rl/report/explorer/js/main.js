// @ts-check
/**
 * The page: its head, the live part, and the panels.
 *
 * @typedef {import("./types.js").App} App
 */

import { makeApp } from "./app.js";
import { unpackAll } from "./arrays.js";
import { element } from "./dom.js";
import { PANELS } from "./panels.js";

start();

async function start() {
  const payload = JSON.parse(document.getElementById("payload")?.textContent ?? "{}");
  await unpackAll(payload);
  const app = makeApp(payload);
  const main = /** @type {HTMLElement} */ (document.getElementById("explorer"));
  main.append(element("h1", {}, payload.title));
  for (const panel of PANELS) {
    const note = payload.notes[panel.key];
    if (!(panel.key in payload) && !note) continue;
    const section = element("section", { id: panel.key, "aria-label": panel.title });
    section.append(element("h2", {}, panel.title));
    main.append(section);
    if (panel.key in payload) panel.mount(section, app);
    else section.append(element("p", { class: "note" }, note));
  }
  Object.assign(globalThis, { explorer: app });
  document.documentElement.dataset.ready = "yes";
}
