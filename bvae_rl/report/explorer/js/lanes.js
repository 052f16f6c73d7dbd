// @ts-check
/**
 * Which time lines an episode has: latents with what they track, the state, the agent.
 *
 * @typedef {import("./types.js").App} App
 * @typedef {import("./types.js").Latent} Latent
 * @typedef {import("./episodes.js").Episode} Episode
 * @typedef {import("./timelines.js").Lane} Lane
 * @typedef {import("./values.js").Factor} Factor
 */

import { extent, short } from "./chart.js";
import { byInformation } from "./sliders.js";
import { column, mean, withUnit } from "./values.js";
import { plain, signed, titleOf } from "./words.js";

const SHOWN = 8; // latents, before "more"
const LEAST = 2; // standard deviations that their lanes reach at least

/**
 * @param {Episode} episode
 * @param {Factor[]} factors
 * @param {App} app
 * @param {boolean} every active latent
 */
export function lanesOf(episode, factors, app, every) {
  const { latents } = app.vae().entry;
  const some = latents.some((latent) => latent.active);
  const active = byInformation(latents.filter((latent) => latent.active || !some));
  const ofState = (/** @type {Latent} */ { tracks }) => roleOf(factors, tracks) === "state";
  const named = active
    .filter((latent) => latent.tracks)
    .sort((a, b) => Number(ofState(b)) - Number(ofState(a)) || (b.share ?? 0) - (a.share ?? 0));
  const ordered = [...named, ...active.filter((latent) => !latent.tracks)];
  const kept = every ? ordered : ordered.slice(0, SHOWN);
  const lanes = kept.map((latent) => latentLane(episode, factors, app, latent));
  const [low, high] = extent(
    lanes.flatMap(({ traces }) => traces.flatMap(({ values }) => Array.from(values))),
  );
  const range = /** @type {[number, number]} */ ([Math.min(low, -LEAST), Math.max(high, LEAST)]);
  for (const lane of lanes) lane.range = range;
  if (lanes.length) lanes[0].heading = "Latents, all on one scale (thick grey: the factor)";
  lanes.push(...stateLanes(episode, factors), ...agentLanes(episode));
  return { lanes, left: ordered.length - kept.length };
}

/**
 * @param {Factor[]} factors
 * @param {string | null} tracks
 */
function roleOf(factors, tracks) {
  return tracks === null ? null : factors.find(({ name }) => name === plain(tracks))?.role;
}

/**
 * @param {Episode} episode
 * @param {Factor[]} factors
 * @param {App} app
 * @param {Latent} latent
 * @returns {Lane}
 */
function latentLane(episode, factors, app, latent) {
  const { index, tracks } = latent;
  const { mean: means, std } = app.vae();
  const scaled = (/** @type {import("./types.js").Packed} */ codes) =>
    column(codes, index).map((value) => (value - means[index]) / std[index]);
  const values = scaled(episode.codes[app.state.vae]);
  /** @type {Lane} */
  const lane = {
    name: titleOf(latent),
    traces: [],
    read: (step) => signed(values[step], 2),
  };
  const k = tracks === null ? -1 : factors.findIndex(({ name }) => name === plain(tracks));
  if (k >= 0 && episode.factors) {
    const truth = fitted(sides(column(episode.factors, k), factors[k]), values);
    lane.traces.push({ values: truth, look: "truth" });
  }
  if (episode.in_first) {
    const same = scaled(episode.in_first[app.state.vae]);
    lane.traces.push({ values: same, look: "same" });
    lane.remark = `off by ${mean(values.map((value, n) => Math.abs(value - same[n]))).toFixed(2)}`;
  }
  lane.traces.push({ values, look: "main" });
  return lane;
}

/**
 * @param {Episode} episode
 * @param {Factor[]} factors
 * @returns {Lane[]}
 */
function stateLanes({ factors: truth }, factors) {
  if (!truth) return [];
  const columns = factors.map((factor, k) => ({ factor, values: column(truth, k) }));
  return columns
    .filter(({ factor }) => factor.role === "state")
    .map(({ factor, values }, n) => ({
      name: withUnit(factor),
      heading: n === 0 ? "State" : undefined,
      traces: [{ values, look: "main", turn: 2 }],
      read: (step) => short(values[step]),
    }));
}

/**
 * @param {Episode} episode
 * @returns {Lane[]}
 */
function agentLanes({ actions, rewards, values }) {
  /** @type {Lane[]} */
  const lanes = [];
  if (values)
    lanes.push({
      name: "value",
      traces: [{ values: values.values, look: "main", turn: 1 }],
      read: (step) => short(values.values[step]),
    });
  if (actions)
    for (let k = 0; k < actions.shape[1]; k++) {
      const one = column(actions, k);
      lanes.push({
        name: actions.shape[1] > 1 ? `action ${k}` : "action",
        traces: [{ values: one, look: "main", turn: 1 }],
        read: (step) => short(one[step]),
      });
    }
  if (rewards)
    lanes.push({
      name: "reward",
      traces: [{ values: rewards.values, look: "main", turn: 1 }],
      read: (step) => short(rewards.values[step]),
    });
  if (lanes.length) lanes[0].heading = values ? "Agent" : "Who acts";
  return lanes;
}

/**
 * How far active latents lie from those of the same states in the first domain, by group; null
 * where that is not known.
 *
 * @param {Episode} episode
 * @param {App} app
 */
export function shifts(episode, app) {
  if (!episode.in_first) return null;
  const { entry, std } = app.vae();
  const [here, there] = [episode.codes[app.state.vae], episode.in_first[app.state.vae]];
  const groups = Object.keys(entry.groups);
  return (groups.length ? groups : [null]).flatMap((group) => {
    const members = entry.latents.filter((latent) => latent.active && latent.group === group);
    if (!members.length) return [];
    const sizes = members.map(({ index }) => {
      const [a, b] = [column(here, index), column(there, index)];
      return mean(a.map((value, n) => Math.abs(value - b[n]))) / std[index];
    });
    return [{ group: group ?? "all", size: mean(sizes) }];
  });
}

/**
 * What a line is fitted to: the factor itself, of a circle its cosine and sine.
 *
 * @param {Float32Array} truth
 * @param {Factor} factor
 */
function sides(truth, { kind, low, high }) {
  if (kind !== "cyclic") return [truth];
  const angle = (/** @type {number} */ value) => (2 * Math.PI * (value - low)) / (high - low);
  return [
    truth.map((value) => Math.cos(angle(value))),
    truth.map((value) => Math.sin(angle(value))),
  ];
}

/**
 * One or two columns as a line in the unit of `values`: least squares, with a constant.
 *
 * @param {Float32Array[]} columns
 * @param {Float32Array} values
 */
function fitted(columns, values) {
  const to = mean(values);
  const line = values.map(() => to);
  const left = values.map((value) => value - to);
  /** @type {Float32Array[]} */
  const before = [];
  for (const column of columns) {
    const from = mean(column);
    let side = column.map((value) => value - from);
    for (const other of before) side = less(side, other, slope(side, other));
    const size = slope(left, side);
    side.forEach((value, n) => (line[n] += size * value));
    before.push(side);
  }
  return line;
}

/**
 * How much of `side` is in `values`, 0 where it is constant.
 *
 * @param {Float32Array} values
 * @param {Float32Array} side
 */
function slope(values, side) {
  const spread = mean(side.map((value) => value ** 2));
  return spread > 1e-12 ? mean(side.map((value, n) => value * values[n])) / spread : 0;
}

/**
 * @param {Float32Array} values
 * @param {Float32Array} side
 * @param {number} size
 */
function less(values, side, size) {
  return values.map((value, n) => value - size * side[n]);
}
