"""The arguments of ``bvae-rl pretrain``, in groups, and the recipe that they amount to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import tyro

from bvae_rl.data.collecting.blocks import MAX_EPISODE_STEPS
from bvae_rl.data.collecting.plan import RANDOM
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.losses import Likelihood
from bvae_rl.models.networks import DecoderName, EncoderName
from bvae_rl.models.vae_config import AUTO
from bvae_rl.scripts.common import WorldArgs, say
from bvae_rl.training.annealing import Shape
from bvae_rl.training.batches.pixel_weights import Kind, Weighting
from bvae_rl.training.recipes.last_phase import NONE, asked_of
from bvae_rl.training.recipes.names import RecipeName
from bvae_rl.training.recipes.recipe import Recipe
from bvae_rl.training.recipes.table import best_recipe, objective_alone, recipe
from bvae_rl.training.selection import Criterion
from bvae_rl.training.train_config import TrainConfig


@dataclass(frozen=True)
class SourceArgs(WorldArgs):
    """Frames, if there is no store yet: they are collected into OUT/frames."""

    env: str | None = None
    """gymnasium id, in which --policy acts; another package's may name its module first:
    package.module:Id-v0"""
    domain: str | None = None
    """visual domain to collect in"""
    frames: int = 50_000
    """how many frames to collect"""
    policy: str = RANDOM
    """who acts: random, sticky, mixed, independent or the folder of an agent (bvae-rl collect)"""
    shares: tuple[str, ...] = ()
    """with --policy mixed, as sticky=.4 agent=.4 states=.2"""
    max_episode_steps: int = MAX_EPISODE_STEPS
    """steps after which an episode is cut if it has not ended"""
    skip_steps: int = 0
    """steps at the beginning of each episode that are acted and not kept"""
    rounds: int = 1
    """2: half of frames and batches first, then the frames of an agent on that VAE's codes beside
    them, and the other half of the batches; in OUT/round-1 and OUT"""


@dataclass(frozen=True)
class LossArgs:
    """What the VAE is trained by. What is not given comes from the recipe."""

    objective: str | None = None
    """an objective as it comes, instead of a recipe (bvae-rl objectives lists them)"""
    beta: float | None = None
    """weight of the KL, for the likelihood and its weight"""
    set: tuple[str, ...] = ()
    """further hyperparameters of the objective, as NAME=VALUE"""
    preset: Literal["tuned", "paper"] = "tuned"
    """hyperparameters for RL frames on this budget, or the paper's (with its likelihood: bernoulli,
    recon_weight 1)"""
    pairs: str | None = None
    """which frames go together: views, interventions, consecutive, augment, or some joined by +"""
    schedule: Shape | None = None
    """how beta (or the capacity) gets there; geometric: by the same factor each step, late"""
    ramp: float | None = None
    """fraction of the steps that this takes"""
    release: float | None = None
    """fraction of the steps, at the end, in which beta falls back to a tenth: the structure stays,
    and detail comes back"""
    weighting: Literal["auto", "none", Kind] | None = None
    """pixels that count more: what stands before the background (foreground), that and what is
    seldom to be seen (rare), what moves in a pair (motion); auto: rare where the frames show rare
    things, else foreground, as every recipe has it"""
    weighting_factor: float | None = None
    """how much more they count; by default 10"""


@dataclass(frozen=True)
class ModelArgs:
    """What the VAE is built from."""

    content_dim: int | None = None
    """latents for the state, the first ones; by default one a factor, or 24"""
    style_dim: int | None = None
    """latents for the appearance, the last ones; by default two more than such factors, or 8"""
    per_actuator: int = 1
    """of the content, latents for what each actuator drives (with interventions)"""
    likelihood: Likelihood | None = None
    """gaussian: squared error; bernoulli: cross-entropy; summed over pixels"""
    recon_weight: float | None = None
    """weight of the reconstruction; gaussian: 1 / (2 sigma^2), by default 20 where as much is to be
    seen as in PlanarReach, and more where there is less"""
    encoder: EncoderName | None = None
    """architecture of the encoder"""
    decoder: DecoderName | None = None
    """architecture of the decoder"""
    channels: tuple[int, int, int] | None = None
    """widths of the three strided convolutions"""
    hidden: int | None = None
    """width of the fully connected layer"""
    channel_order: Literal["RGB", "BGR", "other"] | None = None
    """what the channels of the stored frames are"""


@dataclass(frozen=True)
class SeedArgs:
    """Several seeds side by side, of which the best is kept."""

    seeds: int = 1
    """how many seeds to train from --seed on, each in OUT/seed-K; the best becomes OUT"""
    select: Criterion = "udr"
    """what the best is judged by; udr, their agreement, and independence, how little the latents
    of each tell of each other, need no factors"""
    workers: int = 2
    """processes side by side, each with its part of the cores"""


@dataclass(frozen=True)
class Args:
    """What to train, on what, how long."""

    store: tyro.conf.Positional[Path | None] = None
    """folder of a frame store (bvae-rl collect); or give --env"""
    out: Path = Path("runs/vae")
    """folder of the VAE; a killed training goes on there"""
    recipe: str = "auto"
    """a whole way of training by its name (docs/guides/recipe-and-beta.md); auto: the best
    that the frames allow, which is then said"""
    steps: int = 24_000
    """batches"""
    harden: tuple[str, ...] = (AUTO,)
    """what the VAE learns to ignore in a last phase of half as many batches (bvae-rl harden), as
    colour light; auto: colour, unless --recipe, --objective or --start is given, frames are grey or
    a state factor is called a colour; none. The VAE before it stays in OUT/teacher. That phase has
    its own learning rate and bound. A recipe such as plain_hardened says it itself"""
    seed: int = 0
    """weights, batches and noise depend on it"""
    start: Path | None = None
    """go on from this VAE's weights; its architecture, latents and likelihood then hold"""
    threads: int | None = None
    """CPU threads; by default torch's choice"""
    probe_freq: int | None = None
    """batches between two scores (MIG, DCI, R2; OUT/probe.csv) in the store's environment"""
    tensorboard: bool = False
    """also log to OUT/tensorboard (extra: log)"""
    log_pictures: int | None = None
    """batches between two pictures of the VAE (reconstructions, traversals, a film) in
    OUT/tensorboard, OUT/teacher/tensorboard where it is hardened at the end (extra: log)"""
    snapshots: int = 0
    """how many VAEs to keep on the way in OUT/snapshots (OUT/teacher/snapshots where it is hardened
    at the end), whose film bvae-rl explore shows; closer together in the beginning. Idle latents
    are not cut out then"""
    source: SourceArgs = SourceArgs()
    loss: LossArgs = LossArgs()
    model: ModelArgs = ModelArgs()
    train: TrainConfig = TrainConfig()
    several: SeedArgs = SeedArgs()

    @classmethod
    def of(cls, store: Path | None = None, **settings: Any) -> Self:
        """Arguments from names without their groups: ``Args.of(store, beta=4.0, seeds=2)``."""
        return cls(store).but(**settings)

    def but(self, **settings: Any) -> Self:
        """The same with some values replaced, whichever group they are in."""
        own = {item.name for item in fields(self)}
        chosen = {name: value for name, value in settings.items() if name in own}
        for group in ("source", "loss", "model", "train", "several"):
            part = getattr(self, group)
            known = {item.name for item in fields(part)} & set(settings) - own
            if known:
                chosen[group] = replace(part, **{name: settings[name] for name in known})
        if unknown := set(settings) - own - _grouped(self):
            raise TypeError(f"bvae-rl pretrain has no settings {', '.join(sorted(unknown))}")
        return replace(self, **chosen)

    def on(self, store: Path) -> Self:
        """The same on frames that are there: nobody acts, whoever was to."""
        return replace(self, source=SourceArgs(), store=store)


def hardens(args: Args) -> bool:
    """Whether a last phase is asked for, or comes by default."""
    as_it_is = args.loss.objective is not None or args.recipe != AUTO or args.start is not None
    asked = asked_of(named_recipe(args), args.harden)
    return asked != NONE and not (asked == AUTO and as_it_is)


def _grouped(args: Args) -> set[str]:
    parts = [getattr(args, item.name) for item in fields(args)]
    return {item.name for part in parts if is_dataclass(part) for item in fields(part)}


def check(args: Args) -> None:
    """ValueError for what cannot be whatever the frames are, before any are collected."""
    hyperparameters(args.loss)
    if named := named_recipe(args):
        as_given(named, args).make_objective(args.steps)


def recipe_of(args: Args, store: FrameStore, *, say_why: bool = False) -> Recipe:
    """The recipe that is named, or the best for these frames, with what was given besides."""
    chosen = named_recipe(args) or best_for(store, say_why=say_why)
    return as_given(chosen, args)


def best_for(store: FrameStore, *, against: Sequence[str] = (), say_why: bool) -> Recipe:
    """The best recipe for these frames, of a VAE that is hardened ``against`` something."""
    chosen, why = best_recipe(store, against=against)
    if say_why:
        say(f"recipe {chosen.name} ({chosen.text}): {why}")
    return chosen


def named_recipe(args: Args) -> Recipe | None:
    """The recipe or objective that is named; None for "auto"."""
    if args.loss.objective is not None:
        return objective_alone(args.loss.objective)
    return None if args.recipe == AUTO else recipe(args.recipe)


def as_given(chosen: Recipe, args: Args) -> Recipe:
    """``chosen`` with what was given besides."""
    loss, model = args.loss, args.model
    given = {
        "pairs": loss.pairs, "schedule": loss.schedule, "ramp": loss.ramp,
        "release": loss.release, "content_dim": model.content_dim, "style_dim": model.style_dim,
    }  # fmt: skip
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    own = ("content_dim", "style_dim", "per_actuator")
    built = {
        item.name: value
        for item in fields(model)
        if item.name not in own and (value := getattr(model, item.name)) is not None
    }
    typed = {} if args.recipe == AUTO else RecipeName.parse(args.recipe).changes
    for name in built:
        if name in typed:
            flag = f"--{name.replace('_', '-')}"
            raise ValueError(
                f"{name} is given twice, by --recipe {args.recipe} and by {flag}; leave one out"
            )
    return replace(
        chosen, preset=loss.preset, per_actuator=model.per_actuator,
        model={**chosen.model, **built},
        hyperparameters={**chosen.hyperparameters, **hyperparameters(loss)}, **changes,
        **_weighting(chosen, loss),
    )  # fmt: skip


def _weighting(chosen: Recipe, loss: LossArgs) -> dict[str, Any]:
    """Which pixels count more, and how much, where it was given; fields of a recipe."""
    weighs, rare, factor = chosen.weighting, chosen.weigh_rare, loss.weighting_factor
    if loss.weighting is not None:
        kind = "foreground" if loss.weighting == "auto" else loss.weighting
        weighs = None if kind == "none" else Weighting(kind)
        rare = loss.weighting == "auto"
    if factor is not None:
        if weighs is None:
            raise ValueError(
                f"no pixels count more than others, so --weighting-factor {factor:g} has nothing "
                "to say; say which do (--weighting auto), or leave it out"
            )
        weighs = replace(weighs, factor=factor)
    return {"weighting": weighs, "weigh_rare": rare}


def hyperparameters(loss: LossArgs) -> Mapping[str, float]:
    """Those of the objective that were given, by name."""
    given = dict(map(_hyperparameter, loss.set))
    if loss.beta is not None:
        if "beta" in given:
            raise ValueError(
                f"beta is given twice, as --beta {loss.beta:g} and --set beta={given['beta']:g}; "
                "give it once"
            )
        given["beta"] = loss.beta
    if not 0.0 <= (beta := given.get("beta", 0.0)) < math.inf:
        raise ValueError(f"beta weighs the KL, so it must be finite and not negative, got {beta:g}")
    return given


def _hyperparameter(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        return name, float(value if equals else "no number")
    except ValueError as error:
        raise ValueError(
            f"a hyperparameter is NAME=NUMBER, for example gamma=10, got {text!r}"
        ) from error
