"""``bvae_rl.pretrain``: from frames, or an environment, to a Beta-VAE.

    vae = bvae_rl.pretrain("CarRacing-v3", frames=50_000, out="runs/car")

What it does step by step is ``train_vae`` in ``loop.py``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from bvae_rl.data.blank import warn_of_blank
from bvae_rl.data.collecting.blocks import MAX_EPISODE_STEPS
from bvae_rl.data.collecting.collect import Policy
from bvae_rl.data.collecting.plan import RANDOM, Plan
from bvae_rl.data.coverage.of_store import doubts
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.sources import Source, as_store, is_environment, shown
from bvae_rl.data.view import Viewed, view_of
from bvae_rl.models.hub import load_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import AUTO, VAEConfig
from bvae_rl.runtime.talking import talking
from bvae_rl.training.batches.pixel_weights import Weighting, as_weighting, check_weighting
from bvae_rl.training.given import check_alone, check_given
from bvae_rl.training.hardening.distil import distil
from bvae_rl.training.hardening.settings import train_of_phase
from bvae_rl.training.loop import check_run, train_vae
from bvae_rl.training.objectives import Objective
from bvae_rl.training.pictures.of_vae import RECONSTRUCTIONS, can_draw, write_vae_pictures
from bvae_rl.training.pictures.shown_frames import frames_to_show
from bvae_rl.training.recipes.last_phase import (
    NONE,
    TEACHER,
    Asked,
    asked_of,
    last_phase,
    refuse_hardened,
    refuse_unhardened,
)  # fmt: skip
from bvae_rl.training.recipes.names import RecipeName
from bvae_rl.training.recipes.recipe import Recipe
from bvae_rl.training.recipes.table import best_recipe
from bvae_rl.training.recipes.table import recipe as named_recipe
from bvae_rl.training.rounds import check_rounds, in_rounds
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.verdict.words import outcome, sentences
from bvae_rl.training.watch import Callback

STEPS = 24_000
ACTING = ("max_episode_steps", "skip_steps", "policy", "shares")

logger = logging.getLogger(__name__)


def pretrain(
    source: Source,
    config: VAEConfig | None = None,
    objective: Objective | None = None,
    *,
    out: str | Path,
    frames: int = 50_000,
    recipe: str = AUTO,
    steps: int = STEPS,
    seed: int = 0,
    train: TrainConfig | None = None,
    start: BetaVAE | str | Path | None = None,
    weighting: Weighting | str | None = None,
    command: str = "",
    callbacks: Sequence[Callback] = (),
    verbose: int = 1,
    max_episode_steps: int = MAX_EPISODE_STEPS,
    skip_steps: int = 0,
    policy: str | Policy = RANDOM,
    shares: Mapping[str, float] | None = None,
    rounds: int = 1,
    harden: str | Sequence[str] = AUTO,
    **view: Unpack[Viewed],
) -> BetaVAE:
    """Train a Beta-VAE on ``source`` into ``out``; called again, it resumes or returns it.

    Args:
        source: a ``FrameStore`` or its folder, uint8 frames (N, H, W, C), a gymnasium id, an
            environment or a VecEnv, whose frames are collected into ``out/frames``.
        config: what the VAE is built from; by default what ``recipe`` takes for these frames.
        objective: what it is trained by, instead of a recipe; needs ``config``.
        out: folder of the VAE (``config.json``, ``model.safetensors``, ``log.csv``, and with
            matplotlib pictures of what it does).
        frames: how many frames to collect from an environment.
        recipe: a row of ``training.recipes``, or "auto": the best that the frames allow, of
            cross-reconstruction with interventions (of two views or, where the VAE is hardened
            against colour, of augmented frames), cross-reconstruction of two views, and a plain VAE
            on single frames. Which one it is, and why, is said.
        steps: batches, at least 1.
        seed: of weights, batches, noise and collection.
        train: batch size, learning rate, device and the like. The last phase has its own learning
            rate and bound of the gradient (``hardening.harden``).
        start: a VAE of the same config, or its folder, whose weights are gone on from.
        weighting: which pixels count more, by name or a ``Weighting``; by default the recipe's.
        command: kept in the saved config.
        callbacks: called with (step, vae, metrics) at each row of the log, not in the last phase.
        verbose: 1 says on standard error what is done, how far it is, and in the end what the VAE
            shows and what it leaves out; 0 only warnings. A program that has set up ``logging``
            decides for itself.
        max_episode_steps: where an episode of an environment is cut, as in ``collect``.
        skip_steps: steps at the beginning of each that are not kept, as in ``collect``.
        policy: who acts in an environment: "random", "sticky", "mixed" or a function, as in
            ``collect``; "mixed" shows more of a world in which a random policy stays where it is.
        shares: of "mixed", as in ``collect``.
        rounds: 2 splits frames and batches: a VAE of the first half in ``out/round-1``, which goes
            on with frames of a short agent on its codes beside them in ``out`` (``rounds.py``).
        harden: what the VAE learns to ignore in a last phase (``hardening``) of half as many
            batches: variations by name; "none"; or "auto": colour, unless ``recipe``, ``objective``
            or ``start`` is given, frames are grey or a state factor is called a colour. The VAE
            before that phase is kept in ``out/teacher``.
        view: ``pixels``, ``size``, ``grey``, ``key``, ``stacked``, ``frame_skip``, ``backend``:
            which picture of an environment, as in ``collect``; of an array ``size`` and ``grey``.

    Returns:
        The trained VAE; the metrics of its last validation are
        ``vae.meta["scores"]["validation"]``, with what its reconstructions explain
        (``verdict.judge``).

    Raises:
        ValueError, TypeError: for settings that do not go together or are of another kind, frames
            that are none, or a folder that holds another training, which says what differs.
        RunError: while another process trains into ``out``.
    """
    steps, seed = check_run(steps, seed)
    check_given(train=train, config=config, objective=objective, recipe=recipe)
    check_given(callbacks=callbacks, harden=harden, weighting=weighting)
    check_alone(objective, config, recipe)
    start = None if start is None else load_vae(start)
    check_weighting(weighting)
    chosen = None if objective is not None or recipe == AUTO else named_recipe(recipe)
    as_it_is = objective is not None or recipe != AUTO or start is not None
    asked = NONE if (found := asked_of(chosen, harden)) == AUTO and as_it_is else found
    if chosen is not None and chosen.harden is not None:
        chosen.refuse_narrow_student(config or (None if start is None else start.config))
        recipe = str(RecipeName.parse(recipe).teacher)
    given: dict[str, Any] = {
        "recipe": recipe, "seed": seed, "train": train, "weighting": weighting,
        "command": command, "callbacks": callbacks, "verbose": verbose,
    }  # fmt: skip
    acting: dict[str, Any] = {
        "max_episode_steps": max_episode_steps, "skip_steps": skip_steps, "policy": policy,
        "shares": shares, **view,
    }  # fmt: skip
    with talking(verbose):
        if asked != NONE:
            return _then_hardened(
                asked, source, Path(out), rounds=rounds, frames=frames, acting=acting,
                given={**given, "config": config, "objective": objective, "steps": steps,
                       "start": start},
            )  # fmt: skip
        if rounds != 1:
            return _in_rounds(
                rounds, source, config, objective, out=Path(out), frames=frames, steps=steps,
                start=start, given={**given, "harden": NONE}, acting=acting,
            )  # fmt: skip
        store = as_store(
            source, Path(out) / "frames", frames=frames, seed=seed, view=view_of(view),
            max_episode_steps=max_episode_steps, skip_steps=skip_steps, policy=policy,
            shares=shares,
        )  # fmt: skip
        warn_of_blank(store)
        prune = objective is None and config is None
        if objective is None:
            if chosen is None:
                chosen = _best(store)
            objective = chosen.make_objective(steps)
            config = config or chosen.make_config(store)
            weighting = chosen.make_weighting(store) if weighting is None else weighting
            prune = prune and chosen.prune
        assert config is not None
        refuse_hardened(Path(out), objective.name)
        vae = train_vae(
            store, config, objective, steps=steps, seed=seed, out=out, train=train, start=start,
            weighting=as_weighting(weighting, store), command=command, callbacks=callbacks,
            prune=prune,
        )  # fmt: skip
        picture = Path(out) / RECONSTRUCTIONS
        if not picture.exists() and can_draw():
            held = (train or TrainConfig()).validation
            write_vae_pictures(vae, frames_to_show(store, validation=held), out)
        said = sentences(vae, written="python", picture=picture)
        for line in (outcome(vae), *said, *doubts(store)):
            logger.info(line)
        return vae


def _then_hardened(
    asked: Asked,
    source: Source,
    out: Path,
    *,
    rounds: int,
    frames: int,
    acting: dict[str, Any],
    given: dict[str, Any],
) -> BetaVAE:
    """``pretrain`` into ``out/teacher``, and its VAE hardened in ``out``."""
    own = {name: acting[name] for name in ACTING}
    built = given["config"] or (None if given["start"] is None else given["start"].config)
    order = VAEConfig.channel_order if built is None else built.channel_order
    seen = view_of({name: value for name, value in acting.items() if name not in own})
    if rounds == 1:
        store = as_store(
            source, out / "frames", frames=frames, seed=given["seed"], view=seen, **own
        )
        last = last_phase(asked, store.shape, store.factor_specs, channel_order=order)
        source, acting = store, {}
        if last is not None and given["recipe"] == AUTO and given["objective"] is None:
            given = {**given, "recipe": _best(store, against=last.against).name}
    else:
        last = (
            last_phase(asked, *shown(source, seen), channel_order=order)
            if is_environment(source)
            else None
        )
    folder = out / TEACHER if last else out
    if last is not None:
        refuse_unhardened(out)
    teacher = pretrain(
        source, out=folder, frames=frames, rounds=rounds, harden=NONE, **acting, **given
    )
    if last is None:
        return teacher
    frames_of = source if isinstance(source, FrameStore) else FrameStore.existing(folder / "frames")
    return distil(
        last.objective(teacher), frames_of, out, last.student(teacher.config),
        steps=last.batches(given["steps"]), seed=given["seed"],
        train=train_of_phase(given["train"]), command=given["command"],
    )  # fmt: skip


def _best(store: FrameStore, *, against: Sequence[str] = ()) -> Recipe:
    """The best recipe for these frames, which is said."""
    chosen, why = best_recipe(store, against=against)
    logger.info("recipe %s (%s): %s", chosen.name, chosen.text, why)
    return chosen


def _in_rounds(
    rounds: int,
    source: Source,
    config: VAEConfig | None,
    objective: Objective | None,
    *,
    out: Path,
    frames: int,
    steps: int,
    start: BetaVAE | None,
    given: dict[str, Any],
    acting: dict[str, Any],
) -> BetaVAE:
    """``pretrain`` called once for each round; latents that are idle in one may serve the next."""
    bounds = {name: acting[name] for name in ("max_episode_steps", "skip_steps")}
    policy = acting["policy"] if isinstance(acting["policy"], str) else Plan.policy
    plan = Plan(frames, policy, seed=given["seed"], **bounds)
    check_rounds(rounds, plan, steps=steps)
    if not is_environment(source):
        raise ValueError(
            f"rounds={rounds} lets an agent act between the trainings, which takes an environment "
            f"(an id, an EnvConfig, an environment or a VecEnv), got {type(source).__name__}"
        )
    seen = view_of({k: v for k, v in acting.items() if k not in ACTING})
    own = {name: acting[name] for name in ACTING}

    def first(folder: Path, frames: int, steps: int) -> BetaVAE:
        store = as_store(
            source, folder / "frames", frames=frames, seed=given["seed"], view=seen, **own
        )
        built, recipe = config, given["recipe"]
        if objective is None and config is None:
            chosen = _best(store) if recipe == AUTO else named_recipe(recipe)
            built, recipe = chosen.make_config(store), chosen.name
        return pretrain(
            store, built, objective, out=folder, steps=steps, start=start,
            **{**given, "recipe": recipe},
        )  # fmt: skip

    def again(folder: Path, store: FrameStore, steps: int, earlier: Path) -> BetaVAE:
        vae = BetaVAE.load(earlier)
        built = config if objective is None else vae.config
        return pretrain(
            store, built or vae.config, objective, out=folder, steps=steps, start=vae, **given
        )  # fmt: skip

    return in_rounds(
        rounds, source, plan, out, steps=steps, first=first, again=again, view=seen,
        say=logger.info,
    )  # fmt: skip
