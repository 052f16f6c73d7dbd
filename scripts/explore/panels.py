"""The panels below the explorer's sliders: their arrays, or why one is missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.metrics.pairs import pair_scores
from bvae_rl.models.vae import BetaVAE
from bvae_rl.report.explorer.matrix import Bounded, Scored, matrix_entry
from bvae_rl.scripts.common import EnvArgs, say
from bvae_rl.scripts.explore.args import Args
from bvae_rl.scripts.explore.episodes import Plan, check_steps, planned, played, recorded
from bvae_rl.scripts.explore.factors import moved_factors
from bvae_rl.scripts.explore.frames import Shown
from bvae_rl.scripts.explore.history import LEAST, history
from bvae_rl.training.pictures.decoded import active_latents

NO_ENV = "There is no environment to act in here: give --env ID."


def extras(
    args: Args, vaes: Mapping[str, BetaVAE], shown: Shown, plan: Plan | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Keys of the payload, and a sentence for each panel that cannot be there.

    ``vaes``: the explored one first, then those of ``--beside``; ``plan`` of ``episode_plan``.
    """
    first = next(iter(vaes.values()))
    found: dict[str, Any] = {}
    notes: dict[str, str] = {}

    def add(key: str, entry: dict[str, Any] | None, note: str) -> None:
        if entry is not None:
            found[key] = entry
        elif note:
            notes[key] = note

    add("matrix", *_matrix(args, vaes, shown))
    add("factor_traversals", *_moved(args, vaes, shown))
    add("episodes", *_episodes(args, vaes, shown, plan))
    if len(vaes) > 1:
        found["beside"] = {"vaes": list(range(len(vaes)))}
    folder = first.folder
    add(
        "history",
        None if folder is None else history(Path(folder), shown.frames, shown.factors, shown.specs),
        "No snapshots of its training were kept; bvae-rl pretrain --snapshots 12 keeps some.",
    )
    return found, notes


def refuse_unplayable(args: Args) -> None:
    """ValueError for episodes that nothing can be asked about: before any frame is made."""
    check_steps(args.steps)
    if args.store is not None:
        _refuse_acting(args)


def episode_plan(args: Args, vae: BetaVAE, env: EnvConfig | None) -> Plan | None:
    """What is to be played in ``env``, where the frames are from, seen as ``vae`` does.

    ValueError for an agent of another environment and for visual domains that the environment does
    not have.
    """
    if env is None:
        _refuse_acting(args)
        return None
    plan = planned(
        env, vae, domains=args.domains, domain=args.domain or env.domain,
        agent=args.agent, steps=args.steps, seed=args.seed, own_env=args.world == EnvArgs(),
    )  # fmt: skip
    if plan.differs:
        say(f"the agent was trained with {plan.differs}")
    return plan


def _refuse_acting(args: Args) -> None:
    if args.agent is not None or args.domains:
        raise ValueError(
            "--agent and --domains act in an environment, and there is none here; give --env ID"
        )


def _matrix(
    args: Args, vaes: Mapping[str, BetaVAE], shown: Shown
) -> tuple[dict[str, Any] | None, str]:
    if shown.factors is None or not shown.specs:
        return None, (
            "Nothing says what is true about these frames, so no latent can be held against a "
            "factor. An environment that knows its factors can (docs: FactorWrapper), or a store "
            "with factors."
        )
    if not (np.ptp(shown.factors, axis=0) > 0).any():
        return None, "No factor changes in these frames, so none can be held against a latent."
    if len(shown.frames) < LEAST:
        more = "--samples 4000" if args.samples < LEAST else "take a store with more"
        return None, f"{len(shown.frames)} frames are too few to score: {more}."
    try:
        return _scored(vaes, shown), ""
    except ValueError as error:  # the page shows all the rest
        return None, f"These frames cannot be scored: {error}."


def _scored(vaes: Mapping[str, BetaVAE], shown: Shown) -> dict[str, Any]:
    assert shown.factors is not None
    scored: list[Scored] = []
    for vae in vaes.values():
        mu, _ = vae.posterior_frames(shown.frames)
        active = active_latents(vae, mu)
        found = pair_scores(mu, shown.factors, shown.specs, active=active)
        parts = (found.information, found.importance, found.r2, found.together)
        information, importance, r2, together = (
            Bounded(part.estimate, part.low, part.high) for part in parts
        )
        scored.append(Scored(information, found.nats, importance, r2, together, mu))
    kept = [column for column, spec in enumerate(shown.specs) if spec in found.factors]
    about = shown.note or shown.source
    level = found.information.level
    return matrix_entry(scored, shown.factors[:, kept], found.factors, level=level, about=about)


def _moved(
    args: Args, vaes: Mapping[str, BetaVAE], shown: Shown
) -> tuple[dict[str, Any] | None, str]:
    if shown.env is None:
        return None, f"The world cannot move its factors one by one. {NO_ENV}"
    world = shown.env.make()
    entry = moved_factors(world, vaes, seed=args.seed)
    can_be_set = settable_env(world) is not None
    world.close()
    if can_be_set:
        return entry, (
            "No factor of this environment varies alone in this visual domain, so the world moves "
            "none; the latents can be moved with the sliders."
        )
    return entry, (
        "This environment's factors cannot be set, so the world cannot move one alone; the latents "
        "can be moved with the sliders."
    )


def _episodes(
    args: Args, vaes: Mapping[str, BetaVAE], shown: Shown, plan: Plan | None
) -> tuple[dict[str, Any] | None, str]:
    if plan is not None:
        return played(plan, vaes), ""
    if shown.store is None:
        return None, f"No episode can be played. {NO_ENV}"
    entry = recorded(shown.store, vaes, shown.specs, steps=args.steps)
    return entry, "Nothing says that frames of this store follow each other."
