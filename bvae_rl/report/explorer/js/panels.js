// @ts-check
/**
 * What stands below the sliders, in this order. A panel is shown where the payload has its key; else
 * its note says why it is not there.
 *
 * @typedef {import("./types.js").App} App
 * @typedef {{key: string, title: string, mount: (section: HTMLElement, app: App) => void}} Panel
 */

/** @type {Panel[]} */
export const PANELS = [];
