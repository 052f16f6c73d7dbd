"""What ``evaluate`` measures beside the scores of one code on one probe set.

Interventional scores draw groups of frames that share a factor, the generalisation score takes
other domains, and UDR needs several VAEs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gymnasium as gym
import numpy as np

from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import FactorSpec, known_specs
from bvae_rl.data.frame_store import Frames
from bvae_rl.data.probe_sets import fixed_factor_groups, known_set
from bvae_rl.metrics import beta_vae_score, factor_vae_score, generalisation, udr
from bvae_rl.metrics.inputs import changing, enough
from bvae_rl.metrics.scorable import taken
from bvae_rl.models.losses import mean_kl
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import AUTO
from bvae_rl.scripts.common import aligned
from bvae_rl.scripts.evaluate.args import Args
from bvae_rl.training.pictures.decoded import active_latents

INTERVENTIONAL = ("factor_vae", "beta_vae")
GENERALISATION = "generalisation"
GROUPS, SIZE = 600, 32  # frames of the interventional scores: 19,200
TESTED = 3000  # frames of each other visual domain


def measured(
    vaes: Mapping[str, BetaVAE], world: gym.Env, probe: Frames, args: Args
) -> dict[str, float]:
    """Named numbers, ``NAME/metric``."""
    found: dict[str, float] = {}
    if any(name in args.scoring.metrics for name in INTERVENTIONAL):
        found |= _interventional(vaes, world, args)
    if args.scoring.other_domains:
        found |= generalised(vaes, probe, args)
    if len(vaes) > 1:
        found |= agreement(vaes, probe, args)
    return found


def _interventional(vaes: Mapping[str, BetaVAE], world: gym.Env, args: Args) -> dict[str, float]:
    wanted = [name for name in INTERVENTIONAL if name in args.scoring.metrics]
    in_pairs = [name for name in wanted if args.scoring.published and name == "beta_vae"]
    found = {}
    for metrics in filter(None, ([name for name in wanted if name not in in_pairs], in_pairs)):
        pairs = metrics is in_pairs
        groups = fixed_factor_groups(world, GROUPS, SIZE, seed=args.seed, pairs=pairs)
        frames = groups.frames.reshape(-1, *groups.frames.shape[2:])
        for name, vae in vaes.items():
            mu = vae.encode_frames(frames)
            codes = mu.reshape(GROUPS, SIZE, -1)
            for metric in metrics:
                found[f"{name}/{metric}"] = interventional_score(
                    metric, vae, mu, codes, groups.fixed, args
                )
    return found


def interventional_score(
    metric: str, vae: BetaVAE, mu: np.ndarray, codes: np.ndarray, fixed: np.ndarray, args: Args
) -> float:
    """One of ``INTERVENTIONAL`` of codes (G, L, D) in groups, of all frames' ``mu`` (N, D)."""
    published = args.scoring.published
    if metric == "beta_vae":
        return beta_vae_score(codes, fixed, reference=published, seed=args.seed)
    active = None if published else active_latents(vae, mu)
    return factor_vae_score(codes, fixed, active=active, reference=published, seed=args.seed).score


def generalised(
    vaes: Mapping[str, BetaVAE],
    probe: Frames,
    args: Args,
    *,
    tested: int = TESTED,
) -> dict[str, float]:
    """R2 of the state by a probe fitted in ``--domain``, in each other domain: mean and factors.

    The probe sees the latents that agents see (the content, where there is such a group), and is
    tested on so many frames of each other domain.
    """
    source = args.domain or "as drawn"
    world = args.world.config(args.domain).make()
    sets, specs = {source: probe}, {source: known_specs(world)}
    for domain in args.scoring.other_domains:
        other = args.world.config(domain).make()
        sets[domain] = known_set(other, tested, seed=args.seed + 1)
        specs[domain] = known_specs(other)
    episode = enough(probe.episode) if settable_env(world) is None else None
    factors, kept = _shared(sets, specs, episode=episode, seed=args.seed)
    kinds = [spec.kind for spec in kept]
    found: dict[str, float] = {}
    for name, vae in vaes.items():
        seen = vae.slice_of(vae.config.choice(AUTO))
        codes = {one: vae.encode_frames(frames.frames)[:, seen] for one, frames in sets.items()}
        scores = generalisation(
            codes, factors, source=source, kinds=kinds, episode=episode, seed=args.seed,
            steps=args.scoring.fit_steps,
        ).scores  # fmt: skip
        for one, score in scores.items():
            key = f"{name}/{GENERALISATION}/{one}"
            found[key] = score.mean
            each = zip(kept, score.per_factor, strict=True)
            found |= {f"{key}/{spec.name}": float(value) for spec, value in each}
    return found


def _shared(
    sets: Mapping[str, Frames],
    specs: Mapping[str, Sequence[FactorSpec]],
    *,
    episode: np.ndarray | None,
    seed: int,
) -> tuple[dict[str, np.ndarray], tuple[FactorSpec, ...]]:
    """The state factors that can be scored in every domain, by its name, and their specs.

    ``specs`` are each domain's own: what varies of an appearance is not the same in all. Probes are
    fitted and tested in the first, by ``episode`` and ``seed``.
    """
    first = next(iter(sets))
    scored = {}
    for name, frames in sets.items():
        of = episode if name == first else None
        found_there = taken(frames.factors, specs[name], episode=of, seed=seed)[1]
        scored[name] = {one.name for one in found_there}
    everywhere = set.intersection(*scored.values())
    shared = [one for one in specs[first] if one.role == "state" and one.name in everywhere]
    if not shared:
        raise ValueError("--other-domains: no state factor changes in all of these visual domains")
    found = {}
    for name, frames in sets.items():
        names = [one.name for one in specs[name]]
        columns = [names.index(one.name) for one in shared]
        found[name] = changing(np.asarray(frames.factors)[:, columns], shared)[0]
    return found, tuple(shared)


def lines_of(found: Mapping[str, float]) -> str:
    """What ``measured`` found, to be read: generalisation as a table, the rest as it is named."""
    rest: list[str] = []
    rows: dict[str, dict[str, str]] = {}
    for key, value in found.items():
        name, moved, place = key.partition(f"/{GENERALISATION}/")
        if moved:
            domain, _, factor = place.partition("/")
            rows.setdefault(f"{name} in {domain}", {})[factor or "mean"] = f"{value:.3f}"
        else:
            rest.append(f"{key}: {value:.3f}")
    if rows:
        head = ["generalisation score (R2)", *next(iter(rows.values()))]
        rest.append(aligned([head, *([where, *row.values()] for where, row in rows.items())]))
    return "\n".join(rest)


def agreement(vaes: Mapping[str, BetaVAE], probe: Frames, args: Args) -> dict[str, float]:
    posteriors = [vae.posterior_frames(probe.frames) for vae in vaes.values()]
    scores = udr(
        [mu for mu, _ in posteriors],
        kl=[mean_kl(mu, logvar) for mu, logvar in posteriors],
        seed=args.seed,
    ).scores
    return {f"{name}/udr": float(score) for name, score in zip(vaes, scores, strict=True)}
