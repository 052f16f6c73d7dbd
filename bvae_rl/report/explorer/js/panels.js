// @ts-check
/**
 * What stands below the sliders, in this order. A panel is shown where the payload has its key; else
 * its note says why it is not there.
 *
 * @typedef {import("./types.js").App} App
 * @typedef {{key: string, title: string, mount: (section: HTMLElement, app: App) => void}} Panel
 */

import { mount as beside } from "./beside.js";
import { mount as episodes } from "./episodes.js";
import { mount as factors } from "./factors.js";
import { mount as history } from "./history.js";
import { mount as matrix } from "./matrix.js";

/** @type {Panel[]} */
export const PANELS = [
  { key: "matrix", title: "What each latent holds", mount: matrix },
  { key: "factor_traversals", title: "Move the world, not the latent", mount: factors },
  { key: "episodes", title: "An episode", mount: episodes },
  { key: "beside", title: "VAEs side by side", mount: beside },
  { key: "history", title: "How it was learnt", mount: history },
];
