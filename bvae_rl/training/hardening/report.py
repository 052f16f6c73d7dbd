"""What an encoder kept of its teacher's code when it was hardened, and what it lost.

Measured on held-out frames that are varied as in the training: of each latent, and, where the
frames know their factors, of the state that a probe of the teacher's codes reads.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.metrics.held_out import HeldOut
from bvae_rl.metrics.inputs import changing, check, constant_columns, stack
from bvae_rl.metrics.regression import predict
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.augment.variations import vary
from bvae_rl.training.batches.batch import frames_at
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.distillation import InvarianceDistillation
from bvae_rl.training.validation import moving, posterior_means, spread, validation_rows

HARDENED = "hardened"  # of a VAE's meta
LOST = 0.5  # R2 below which a latent is not there any more
LEAST_CLEAN = 0.8  # R2 of a usual latent from clean frames, which a finished hardening exceeds
KNOWN = 0.5  # R2 of a factor that the teacher's code holds
KEPT = 0.5  # share of it that random variations leave, which may hide anything now and then
PROBED, PROBE_STEPS = 4096, 500  # frames and steps of the probe of the state
WARNING = "WARNING: "  # what a sentence begins with that nobody should miss
NAMED = 6  # of the lost latents in a sentence
TRACKED = 0.5  # correlation from which a latent is said to follow a factor

LEAST_FITTED = 20  # frames, below which the state is not probed

Report = dict[str, Any]  # plain JSON values

logger = logging.getLogger(__name__)


def agreement(codes: Tensor, target: Tensor) -> Tensor:
    """R2 (D,) of each latent of ``codes`` (N, D) as a prediction of ``target``; at most 1.

    A latent that is constant in ``target`` has 0.
    """
    left = (codes - target).square().sum(0)
    there = (target - target.mean(0)).square().sum(0)
    return torch.where(there > 0, 1.0 - left / there, 0.0)


def report(
    student: BetaVAE, objective: InvarianceDistillation, store: FrameStore, rows: Rows, *, seed: int
) -> Report:
    """How ``student`` reads the held-out frames of ``store``, clean and varied, beside its teacher.

    ``r2`` and ``r2_clean`` (D,): agreement with the teacher's codes of the clean frames, from
    varied and from clean frames; ``before``: the teacher's own from varied ones. ``std`` (D,) of
    the teacher's codes; ``active`` those that were learned and tell frames apart, ``lost`` those
    of them which varied frames do not tell. ``state``: by factor the R2 of a probe of the teacher's
    codes on the codes of ``clean`` frames and of varied frames ``before`` and ``after``; nothing
    without factors.
    """
    teacher, latents = objective.teacher, objective.latents
    held_out = validation_rows(store, rows)
    x = frames_at(store, held_out)
    generator = torch.Generator().manual_seed(seed)
    varied = vary(x, objective.variations, generator, strength=objective.strength)
    target, before = (posterior_means(teacher, each) for each in (x, varied))
    clean, after = (posterior_means(student, each) for each in (x, varied))
    r2_after, std = agreement(after, target), target.std(0)
    active = torch.zeros(len(std), dtype=torch.bool)
    columns = student.slice_of(latents)
    active[columns] = moving(teacher, std.square())[columns]
    lost = (active & (r2_after < LOST)).nonzero()[:, 0]
    return {
        "against": list(objective.against),
        "latents": latents,
        "strength": objective.strength,
        "r2": r2_after.tolist(),
        "r2_clean": agreement(clean, target).tolist(),
        "before": agreement(before, target).tolist(),
        "std": std.tolist(),
        "active": active.nonzero()[:, 0].tolist(),
        "lost": lost.tolist(),
        "follows": _followed(store, held_out, target[:, lost], lost.tolist()),
        "state": _state(teacher, store, rows, held_out, target, before, after),
    }


def _state(
    teacher: BetaVAE, store: FrameStore, rows: Rows, held_out: np.ndarray, *shown: Tensor
) -> dict[str, dict[str, float]]:
    """Of each state factor the R2 of one probe on the codes ``shown``, each (N, D).

    Nothing, and a warning that says why, where factors cannot be scored.
    """
    fitted = spread(rows.train, PROBED)
    if len(fitted) < LEAST_FITTED or not any(spec.role == "state" for spec in store.factor_specs):
        return {}
    of_teacher = posterior_means(teacher, frames_at(store, fitted)).numpy()
    try:
        factors, specs = _state_factors(store, fitted, held_out)
        if not specs:
            return {}
        kinds = [spec.kind for spec in specs]
        fit = check(of_teacher, factors[: len(fitted)], kinds=kinds)
        beside = np.tile(factors[len(fitted) :], (len(shown), 1))
        tested = check(torch.cat(shown).numpy(), beside, kinds=kinds, suffix="_test")
    except ValueError as error:
        logger.warning("which state the codes keep is not measured: %s", error)
        return {}
    both = stack(fit, tested)
    train, test = np.split(np.arange(len(both.codes)), [len(fitted)])
    held = HeldOut.at(both, train, test, 0)
    read = predict(held, "mlp", PROBE_STEPS)
    scores = [
        held.targets.score(read[part], test[part])
        for part in np.split(np.arange(len(test)), len(shown))
    ]
    return {
        spec.name: {
            name: float(found[k])
            for name, found in zip(("clean", "before", "after"), scores, strict=True)
        }
        for k, spec in enumerate(specs)
    }


def _state_factors(
    store: FrameStore, fitted: np.ndarray, tested: np.ndarray
) -> tuple[np.ndarray, list[FactorSpec]]:
    """State factors that change in both of two parts of the rows, of these one after the other."""
    rows = np.concatenate([fitted, tested])
    state = [k for k, spec in enumerate(store.factor_specs) if spec.role == "state"]
    found = store.take("factors", rows)[:, state]
    if not np.ptp(found, axis=0).any():
        return found, []
    values, specs = changing(found, [store.factor_specs[k] for k in state])
    kinds = [spec.kind for spec in specs]
    still = [constant_columns(part, kinds) for part in np.split(values, [len(fitted)])]
    varies = ~np.logical_or(*still)
    return values[:, varies], [spec for spec, one in zip(specs, varies, strict=True) if one]


def _followed(
    store: FrameStore, rows: np.ndarray, lost: Tensor, names: Sequence[int]
) -> dict[str, str]:
    """Of each lost latent, by its number, the factor that it follows most, if there is one."""
    specs = [spec for spec in store.factor_specs if spec.kind != "categorical"]
    if not specs or not names:
        return {}
    columns = [k for k, spec in enumerate(store.factor_specs) if spec.kind != "categorical"]
    factors = store.take("factors", rows)[:, columns]
    followed = {}
    for number, code in zip(names, lost.T.numpy(), strict=True):
        found = [
            abs(float(np.corrcoef(code, column)[0, 1])) if np.ptp(column) else 0.0
            for column in factors.T
        ]
        if max(found) >= TRACKED:
            followed[str(number)] = specs[int(np.argmax(found))].name
    return followed


def told_by(kept: Mapping[str, Any]) -> list[str]:
    """The state factors that the teacher's code holds and the hardened one reads much worse."""
    return [
        name
        for name, found in kept["state"].items()
        if found["clean"] >= KNOWN and found["after"] < KEPT * found["clean"]
    ]


def hardened_sentences(kept: Mapping[str, Any], names: Sequence[str]) -> Iterator[str]:
    """``report`` in words; ``names`` are those of the latents."""
    against = ", ".join(kept["against"])
    active = kept["active"]
    if not active:
        yield (
            f"{WARNING}no latent of the teacher is active, so there was little to keep: train it "
            "for longer, or with a lower beta."
        )
        return
    after, clean, before = (
        np.median([kept[which][i] for i in active]) for which in ("r2", "r2_clean", "before")
    )
    could = [f"with R2 {r2:.2f}" if r2 > 0 else "not at all" for r2 in (after, before, clean)]
    yield (
        f"Hardened against {against}: from varied held-out frames it tells the codes of the clean "
        f"ones {could[0]} (median of {len(active)} active latents), its teacher {could[1]}; from "
        f"clean ones {could[2]}."
    )
    if clean < LEAST_CLEAN:
        yield (
            f"{WARNING}it no longer tells clean frames as its teacher does: too few batches, or a "
            "training that broke down (vae/distance in log.csv rises and stays). Harden for more, "
            "with another seed or a lower learning rate, or use the teacher."
        )
    if lost := kept["lost"]:
        follows = kept["follows"]
        said = [names[i] + (f" ({follows[str(i)]})" if str(i) in follows else "") for i in lost]
        more = f" and {len(said) - NAMED} more" if len(said) > NAMED else ""
        yield (
            f"Varied frames do not tell {len(lost)} of the latents, with R2 below {LOST}: "
            f"{', '.join(said[:NAMED])}{more}. That is right if they showed nothing but {against}; "
            "if not, more batches may bring them back."
        )
    if state := kept["state"]:
        parts = [f"{name} {_r2(f['clean'])} to {_r2(f['after'])}" for name, f in state.items()]
        yield f"State that a probe of the teacher reads, clean and varied: {', '.join(parts)}."
    if told := told_by(kept):
        yield (
            f"{WARNING}{', '.join(told)} {'is' if len(told) == 1 else 'are'} lost from varied "
            f"frames. If more batches do not help, {against} is part of this state: leave it out, "
            "or use the teacher."
        )
    yield (
        "Its decoder is the teacher's, so pictures show what the code has left: averages of what "
        "varies."
    )


def _r2(value: float) -> str:
    return f"{value:.2f}" if value > 0 else "nothing"
