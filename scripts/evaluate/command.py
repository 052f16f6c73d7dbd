"""Score VAEs on frames with known factors, beside references, upper bound, on-policy frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.pictures.layouts import Wanted, picture_layouts
from bvae_rl.metrics.array_metrics import chosen
from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE, read_config
from bvae_rl.scripts.common import (
    command_for,
    free_folder,
    results_folder,
    store_folder,
)
from bvae_rl.scripts.evaluate import more
from bvae_rl.scripts.evaluate.args import Args as Args
from bvae_rl.scripts.evaluate.args import ScoreArgs as ScoreArgs
from bvae_rl.scripts.evaluate.bare import without_factors
from bvae_rl.scripts.evaluate.on_policy import evaluate_on_policy
from bvae_rl.scripts.evaluate.results import Result
from bvae_rl.scripts.evaluate.sampled import evaluate_sampled
from bvae_rl.scripts.evaluate.scoring import of_arrays
from bvae_rl.scripts.evaluate.store import evaluate_store
from bvae_rl.scripts.held_frames import read_specs
from bvae_rl.scripts.own_folder import own_folder
from bvae_rl.scripts.vae_keys import names_apart
from bvae_rl.scripts.worlds import in_gymnasium, world_of

SETTINGS = "evaluation.json"


def main(args: Args) -> Result:
    """Probe, encode once, score, draw."""
    try:
        chosen(of_arrays(args))
    except ValueError as error:
        raise ValueError(
            f"{error}; of an environment also: {', '.join(more.INTERVENTIONAL)}"
        ) from None
    places = [find_vae(vae) for vae in (args.vae, *args.compare)]
    folders = dict(zip(names_apart(places), places, strict=True))
    vaes = {name: BetaVAE.load(folder) for name, folder in folders.items()}
    name, vae = next(iter(vaes.items()))
    if args.store is not None:
        run = own_folder(
            args.out, store_folder("evaluate", name, args.store),
            settings(args, folders, store=FrameStore.existing(args.store)),
            file=SETTINGS, what="an evaluation",
        )  # fmt: skip
        return evaluate_store(args, vaes, run)
    args = replace(args, world=in_gymnasium(world_of(args.vae, args.world, stored=True)))
    env = args.world.config(args.domain).seen_by(Wanted.of(vae))
    world = env.make()
    for one in vaes.values():
        picture_layouts(world.observation_space, Wanted.of(one), stacked=1)
    source = settable_env(world)
    told = read_specs(world) if source is None else ()
    run = own_folder(
        args.out, results_folder("evaluate", name, args.world, args.domain),
        settings(
            args, folders, env=env, factors=list(told if source is None else source.factor_specs),
            **({"factors_read": "on-policy"} if told else {}),
        ),
        file=SETTINGS, what="an evaluation",
    )  # fmt: skip
    train = command_for(
        "train", vae=args.vae, world=args.world, domain=args.domain,
        out=free_folder(Path("runs/agents") / name),
    )  # fmt: skip
    if told:
        return evaluate_on_policy(args, vaes, env, run, train)
    if source is None:
        return without_factors(args, env, vaes, run, train)
    return evaluate_sampled(args, vaes, env, world, run, train)


def settings(args: Args, folders: Mapping[str, Path], **frames: Any) -> dict[str, Any]:
    """All that the scores depend on: VAEs by their weights, ``frames``, and how they are scored."""
    vaes = {name: read_config(folder)["weights_sha256"] for name, folder in folders.items()}
    named = ("samples", "on_policy", "references", "seed", "scoring")
    given = {name: getattr(args, name) for name in named}
    return {"vaes": vaes, **frames, **given}
