"""What the arguments of ``bvae-rl pretrain`` choose: the objective, its hyperparameters, the VAE's config."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae_config import VAEConfig, actuator_part
from bvae_rl.training import schedules
from bvae_rl.training.objectives import Objective
from bvae_rl.training.objectives.entry import Ramped
from bvae_rl.training.objectives.table import OBJECTIVES, entry
from bvae_rl.training.pixel_weights import Weighting
from bvae_rl.training.schedules import Schedule

if TYPE_CHECKING:
    from bvae_rl.scripts.pretrain import Args

BETA_SCHEDULES: dict[str, Callable[[float, int], Schedule]] = {
    "constant": lambda beta, steps: schedules.constant(beta),
    "linear": lambda beta, steps: schedules.linear(0.0, beta, steps),
    "cosine": lambda beta, steps: schedules.cosine(0.0, beta, steps),
    "geometric": lambda beta, steps: schedules.geometric(beta, steps),
    "cyclical": lambda beta, steps: schedules.cyclical(beta, steps),
}


def make_objective(args: Args) -> Objective:
    """The objective that the arguments describe."""
    if not 0.0 <= args.ramp <= 1.0:
        raise ValueError(
            f"ramp is the fraction of the steps that beta takes to get there, from 0 to 1, got "
            f"{args.ramp}: it would end before it begins, or after the training"
        )
    if not 0.0 <= args.relax <= 1.0 - args.ramp:
        raise ValueError(
            f"relax is the fraction of the steps that is left at the end, after a ramp of "
            f"{args.ramp:g} at most {1 - args.ramp:g}, got {args.relax}"
        )
    ramp = max(1, round(args.ramp * args.steps))
    ramped = Ramped(BETA_SCHEDULES[args.schedule], ramp, args.steps, args.relax)
    return entry(args.objective).make(ramped, hyperparameters(args), pairs(args))


def weighting(args: Args) -> Weighting | None:
    """Which pixels count more; None if all count the same."""
    if args.weighting == "none":
        return None
    return Weighting(args.weighting, args.weighting_factor)


def hyperparameters(args: Args) -> dict[str, float]:
    """The values of all hyperparameters of the objective."""
    given = dict(map(_hyperparameter, args.set))
    if args.beta is not None:
        if "beta" in given:
            raise ValueError(
                f"beta is given twice, as --beta {args.beta:g} and --set beta={given['beta']:g}; "
                "give it once"
            )
        given["beta"] = args.beta
    return entry(args.objective).hyperparameters(args.preset, given)


def pairs(args: Args) -> str:
    """The pairs to train on, "" for single frames."""
    row = entry(args.objective)
    if args.pairs is not None and not row.pairs:
        takers = [other.name for other in OBJECTIVES.values() if other.pairs]
        raise ValueError(
            f"objective {row.name} takes single frames, not --pairs {args.pairs}; these take "
            f"pairs: {', '.join(takers)}"
        )
    return row.pairs if args.pairs is None else args.pairs


def _hyperparameter(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        return name, float(value if equals else "no number")
    except ValueError as error:
        raise ValueError(
            f"a hyperparameter is NAME=NUMBER, for example gamma=10, got {text!r}"
        ) from error


def make_config(args: Args, store: FrameStore) -> VAEConfig:
    if min(args.content_dim, args.style_dim) < 0:
        raise ValueError(
            f"numbers of latents must not be negative, got --content-dim {args.content_dim} "
            f"{args.style_dim}"
        )
    content, style = _sizes(args, store)
    latents, paper = content + style, args.preset == "paper"
    groups, parts = {}, {}
    acted = entry(args.objective).groups and "interventions" in pairs(args).split("+")
    if args.per_actuator != 1 and not acted:
        raise ValueError(
            f"--per-actuator {args.per_actuator} needs actuator pairs and an objective with "
            "groups, for example --objective crossed --pairs views+interventions"
        )
    if entry(args.objective).groups:
        if not content or not style:
            raise ValueError(
                f"objective {args.objective} needs latents for content and for style, got "
                f"--content-dim {content} --style-dim {style}"
            )
        groups = {"content": (0, content), "style": (content, latents)}
        if acted:
            parts = _actuator_parts(store, args.per_actuator, content)
    return VAEConfig(
        shape=store.shape,
        latent_dim=latents,
        groups=groups,
        parts=parts,
        channels=args.channels,
        hidden=args.hidden,
        encoder=args.encoder,
        decoder=args.decoder,
        levels=int(hyperparameters(args).get("levels", 0)),
        likelihood=args.likelihood
        or entry(args.objective).likelihood
        or ("bernoulli" if paper else "gaussian"),
        recon_weight=(1.0 if paper else 20.0) if args.recon_weight is None else args.recon_weight,
        channel_order=args.channel_order,
    )


def _sizes(args: Args, store: FrameStore) -> tuple[int, int]:
    """Latents for content and style: as asked for, or one a factor if the objective is told them."""
    if not entry(args.objective).factors:
        return args.content_dim, args.style_dim
    roles = [spec.role for spec in store.factor_specs]
    state = roles.count("state")
    if not state or state == len(roles) or roles[:state] != ["state"] * state:
        raise ValueError(
            f"objective {args.objective} regresses state factors, then appearance factors; {args.store} "
            f"holds {', '.join(roles) or 'no factors'}"
        )
    return state, len(roles) - state


def _actuator_parts(store: FrameStore, width: int, content: int) -> dict[str, tuple[int, int]]:
    """The first latents, ``width`` for each actuator of the store; none if it has no actions."""
    if width < 1:
        raise ValueError(f"--per-actuator must be at least 1, got {width}")
    try:
        actuators = store.array("actions").shape[1]
    except KeyError:
        actuators = 0
    if actuators * width > content:
        raise ValueError(
            f"{actuators} actuators with {width} latents each do not fit into --content-dim {content}; "
            "take more content latents, or fewer per actuator"
        )
    return {actuator_part(i): (i * width, (i + 1) * width) for i in range(actuators)}
