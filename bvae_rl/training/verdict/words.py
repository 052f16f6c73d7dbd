"""The verdict on a finished VAE in sentences that a person can act on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from bvae_rl.models.losses import beta_norm
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.objectives.table import OBJECTIVES
from bvae_rl.training.validation import moving
from bvae_rl.training.verdict.idle import FIRST_LOOK
from bvae_rl.training.verdict.judge import FOREGROUND, KINDS, MISSED, MISSING, MOTION

Written = Literal["flags", "python"]
NAMED = 3  # of the worst frames
USUAL = 24_000  # batches that a training takes by default
WHERE = {
    FOREGROUND: "where something stands before the background",
    MOTION: "where something moves",
}
WHAT = {FOREGROUND: "what stands before the background", MOTION: "what moves"}
UNKNOWN = {
    FOREGROUND: "no colour fills more than half of the frames",
    MOTION: "neighbouring frames of an episode are equal, or differ in more than half of the "
    "picture",
}


@dataclass(frozen=True)
class Cure:
    """What may help, for the command line and as arguments of ``bvae_rl.pretrain``."""

    what: str
    flags: str
    python: str
    raises_weight: bool = False  # of the reconstruction


def outcome(vae: BetaVAE) -> str:
    """The last validation in a line."""
    m, config = vae.meta["scores"]["validation"], vae.config
    likelihood = f"a {config.likelihood} likelihood, recon_weight {config.recon_weight:g}"
    if not (beta := m["vae/beta"]):
        return (
            f"reconstruction {m['vae/validation_recon']:.1f} nats with {likelihood}; the KL has no "
            "weight, so neither it nor a bound says anything"
        )
    norm = beta_norm(beta, latent_dim=config.latent_dim, pixels=config.pixels)
    return (
        f"evidence lower bound {m['vae/elbo']:.1f} nats, KL {m['vae/validation_kl']:.1f}, "
        f"{_active(vae)} of {config.latent_dim} latents active; beta {beta:g} with "
        f"{likelihood} (normalised {norm:.2g}){_weighed(vae)}"
    )


def _weighed(vae: BetaVAE) -> str:
    """Which pixels counted more."""
    weighting = vae.meta.get("training", {}).get("weighting") or {}
    return f", pixels weighted by --weighting {weighting['kind']}" if weighting else ""


def missing(scores: Mapping[str, float]) -> dict[str, bool]:
    """Which of "motion" and "foreground" is missing by ``verdict.judge``: whether most of it is."""
    found = {}
    for kind in KINDS:
        most = scores.get(f"vae/explained_{kind}", 1.0) < MISSING
        if most or scores.get(f"vae/missed_{kind}", 0.0) > MISSED:
            found[kind] = most
    return found


def sentences(
    vae: BetaVAE, *, written: Written = "flags", picture: Path | None = None
) -> list[str]:
    """The verdict on a VAE that was trained to its end; nothing where it has none of the scores.

    ``written`` says how cures are written: as flags of the command line, or as arguments.
    ``picture`` is the one of its reconstructions, if that was drawn.
    """
    scores = vae.meta.get("scores", {}).get("validation", {})
    if "vae/pixel_variance" not in scores:
        return []
    if "vae/explained" not in scores:
        return ["All held-out frames are the same, so there is nothing to explain: collect others."]
    said = [_shares(scores)]
    if lost := missing(scores):
        said.append(_lost(lost, scores))
        cures = ", ".join(_written(cure, written) for cure in cures_for(lost, vae))
        said.append(f"Try, into another folder: {cures}.")
    elif kept := [kind for kind in KINDS if f"vae/explained_{kind}" in scores]:
        most = _list([f"of {WHAT[kind]}" for kind in kept])
        said.append(f"Most {most} is kept; what is very small may be missing all the same.")
    if unknown := [kind for kind in KINDS if f"vae/explained_{kind}" not in scores]:
        said += [
            f"{_sentence(WHERE[kind])}, that is not known: {UNKNOWN[kind]}." for kind in unknown
        ]
    if picture is not None and picture.exists():
        rows = ", ".join(map(str, vae.meta.get("worst_frames", [])[:NAMED]))
        said.append(f"{picture} shows the worst frames (rows {rows} of the store), and others.")
    return said


def cures_for(lost: Iterable[str], vae: BetaVAE) -> list[Cure]:
    """What may bring back what is ``lost``, given how ``vae`` was trained; the best first."""
    training = vae.meta.get("training", {})
    found = [_weighting(lost, vae), _capacity(vae)]
    if _few_active(vae):
        found.reverse()
    steps = training.get("steps", 0)
    if 0 < steps < FIRST_LOOK:  # in which latents may not have begun to carry anything
        words = f"longer first, since {steps:,} batches are a first look"
        longer = Cure(words, f"--steps {USUAL}", f"steps={USUAL}")
        return [longer, *(cure for cure in found if not cure.raises_weight)]
    if steps:
        found.append(Cure("longer", f"--steps {2 * steps}", f"steps={2 * steps}"))
    return found


def _few_active(vae: BetaVAE) -> str:
    """ "3 of 32 latents are active" where the KL has a weight and idle ones were cut out, or are
    half or more of them; else "".
    """
    scores = vae.meta["scores"]["validation"]
    model = vae.meta.get("training", {}).get("model") or {}
    latents, active = model.get("latent_dim", vae.latent_dim), _active(vae)
    if not scores.get("vae/beta") or (vae.latent_dim == latents and active > latents / 2):
        return ""
    return f"{active} of {latents} latents are active"


def _active(vae: BetaVAE) -> int:
    """How many latents tell the held-out frames apart."""
    known = vae.meta.get("statistics")
    if known is None:
        return int(vae.meta["scores"]["validation"]["vae/active_latents"])
    return int(moving(vae, torch.tensor(known["std"]).square()).sum())


def _weighting(lost: Iterable[str], vae: BetaVAE) -> Cure:
    """Another weighting of pixels, or more of the same."""
    training, scores = vae.meta.get("training", {}), vae.meta["scores"]["validation"]
    before: Mapping[str, Any] = training.get("weighting") or {}
    kind = FOREGROUND if f"vae/explained_{FOREGROUND}" in scores else MOTION
    if MOTION in lost and before.get("kind") == MOTION:
        kind = MOTION
    if kind == FOREGROUND and before.get("kind") == "rare":  # which is foreground, and more
        kind = "rare"
    elif kind == FOREGROUND and not before:
        kind = "auto"  # which may be rare
    flags, python = f"--weighting {kind}", f'weighting="{kind}"'
    if before.get("kind") == kind:
        factor = 3 * before["factor"]
        flags = f"{flags} --weighting-factor {factor:g}"
        python = f'weighting=Weighting("{kind}", {factor:g})'
    objective = training.get("objective", {}).get("name", "")
    if kind == MOTION and not (objective in OBJECTIVES and OBJECTIVES[objective].pairs):
        flags, python = f"--objective slow {flags}", f'recipe="slow", {python}'
    return Cure("", flags, python)


def _capacity(vae: BetaVAE) -> Cure:
    """More latents where most carry something, else a reconstruction that weighs more."""
    config = vae.config
    if few := _few_active(vae):
        weight = 5 * config.recon_weight
        return Cure(
            f"since only {few}, a reconstruction that weighs more than the KL",
            f"--recon-weight {weight:g}", f"config=VAEConfig(recon_weight={weight:g}, ...)", True,
        )  # fmt: skip
    start, stop = config.groups.get("content", (0, config.latent_dim))
    content = 2 * (stop - start)
    total = config.latent_dim + content // 2
    return Cure(
        "more latents", f"--content-dim {content}", f"config=VAEConfig(latent_dim={total}, ...)"
    )


def _written(cure: Cure, written: Written) -> str:
    line = cure.flags if written == "flags" else cure.python
    return f"{cure.what} ({line})" if cure.what else line


def _shares(scores: Mapping[str, float]) -> str:
    parts = [
        f"{_percent(scores[f'vae/explained_{kind}'])} {WHERE[kind]}"
        for kind in KINDS
        if f"vae/explained_{kind}" in scores
    ]
    whole = scores["vae/explained"]
    all_of_it = _percent(whole) if whole > 0 else "nothing (one mean picture would do better)"
    first = f"Of the variance of the held-out pixels the reconstructions explain {all_of_it}"
    return f"{', '.join([first, *parts])}."


def _lost(lost: Mapping[str, bool], scores: Mapping[str, float]) -> str:
    """Which kinds are missing, and where it is a part of them, how many places."""
    parts = []
    for kind, most in lost.items():
        missed = f" ({_percent(scores.get(f'vae/missed_{kind}', 1.0))} of its places)"
        parts.append(WHAT[kind] if most else f"some of {WHAT[kind]}{missed}")
    return f"{_sentence(_list(parts))} {'is' if len(lost) == 1 else 'are'} missing."


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _percent(value: float) -> str:
    return f"{value:.0%}" if value > 0 else "nothing"


def _list(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
