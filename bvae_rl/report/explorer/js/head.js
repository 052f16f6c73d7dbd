// @ts-check
/**
 * The head of the page: what is shown, which VAE, light or dark.
 *
 * @typedef {import("./types.js").App} App
 */

import { button, element } from "./dom.js";

const THEMES = ["light", "dark"];

/**
 * @param {HTMLElement} main
 * @param {App} app
 */
export function mountHead(main, app) {
  const about = element("p", { class: "about" });
  const tools = element("div", { class: "tools" });
  if (app.payload.vaes.length > 1) tools.append(chooser(app));
  tools.append(themeButton());
  const words = element("div", {}, element("h1", {}, app.payload.title), about);
  main.append(element("header", {}, words, tools));
  const tell = () => (about.textContent = app.vae().entry.about);
  app.on("vae", tell);
  tell();
}

/** @param {App} app */
function chooser(app) {
  const select = element("select", { id: "vae" });
  for (const [index, { name }] of app.payload.vaes.entries())
    select.append(element("option", { value: index }, name));
  select.addEventListener("change", () => app.choose(Number(select.value)));
  app.on("vae", () => (select.value = String(app.state.vae)));
  return element("label", { for: "vae" }, "VAE ", select);
}

/** The system's choice until it is pressed; then the other one. */
function themeButton() {
  const root = document.documentElement;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ?? (prefersDark.matches ? "dark" : "light")) === "dark";
  const name = () => (dark() ? "Light page" : "Dark page");
  const toggle = button(name(), () => {
    root.dataset.theme = THEMES[dark() ? 0 : 1];
    toggle.textContent = name();
  });
  prefersDark.addEventListener("change", () => (toggle.textContent = name()));
  return toggle;
}
