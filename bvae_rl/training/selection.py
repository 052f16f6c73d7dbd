"""Which of several trained VAEs to keep: the same recipe with another seed is often another code.

Seeds differ as much as objectives do (Locatello et al. 2019, arXiv 1811.12359), so several are
trained and one is kept, judged on frames that none was trained on by

    udr   how far it agrees with the others, up to order and sign of the latents (``metrics.udr``;
          Duan et al. 2020, arXiv 1905.12614): needs no factors, and says nothing of what all seeds
          get wrong in the same way
    independence
          how little its latents tell of each other (``metrics.independence``): needs no factors
          either, and sees a plane of two factors that is bent over its latents
    mig   the mutual information gap (``metrics.mig``)
    r2    how well a small network reads the factors (``metrics.regression``)

The latter three look at the content latents, of the factors at those of the state, where the code
has a content group, else at everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import Frames
from bvae_rl.metrics import independence, mig, r2, udr
from bvae_rl.metrics.inputs import split
from bvae_rl.metrics.report import LEAST_EPISODES
from bvae_rl.metrics.scorable import taken
from bvae_rl.models.losses import mean_kl
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.validation import ACTIVE_VARIANCE, least_variance

Criterion = Literal["udr", "independence", "mig", "r2"]
UNLABELLED: tuple[Criterion, ...] = ("udr", "independence")
LEAST_FRAMES = 100
SELECTION = "selection.json"  # beside the VAE that was kept: who was, and why


@dataclass(frozen=True)
class Candidate:
    """One trained VAE: its score, and what else is known of it on its validation frames."""

    name: str
    score: float
    active_latents: int
    kl: float
    elbo: float


@dataclass(frozen=True)
class Selection:
    """Who was chosen by what, of whom, and why in a sentence. ``agreement`` (M, M) is UDR_ij."""

    by: Criterion
    best: str
    why: str
    frames: int
    candidates: tuple[Candidate, ...]
    agreement: tuple[tuple[float, ...], ...] = ()

    @property
    def spread(self) -> float:
        """How far the best and the worst score are apart."""
        scores = [candidate.score for candidate in self.candidates]
        return max(scores) - min(scores)

    @property
    def mean(self) -> float:
        """Mean score."""
        return float(np.mean([candidate.score for candidate in self.candidates]))


@dataclass(frozen=True, eq=False)
class Code:
    """What one VAE makes of the frames: ``mu`` and ``logvar`` (N, D), and its content latents.

    Latents are active whose ``mu`` varies by more than ``least_variance``.
    """

    mu: np.ndarray
    logvar: np.ndarray
    content: slice | None = None
    least_variance: float = ACTIVE_VARIANCE

    @property
    def kl(self) -> np.ndarray:
        """Mean KL of each latent in nats, (D,)."""
        return mean_kl(self.mu, self.logvar)

    @property
    def active(self) -> np.ndarray:
        """Which latents tell the frames apart, (D,)."""
        return np.asarray(self.mu.var(axis=0) > self.least_variance)


def select(
    folders: Mapping[str, Path],
    frames: Frames,
    *,
    by: Criterion,
    specs: Sequence[FactorSpec] = (),
    group: np.ndarray | None = None,
    seed: int = 0,
    steps: int = 2000,
) -> Selection:
    """The best of the VAEs saved in ``folders`` (name -> folder) on ``frames`` none has seen.

    ``specs`` describe the frames' factors, which mig and r2 need; ``group`` (N,) numbers frames
    that belong together (one state, one episode), so that r2 is tested on others than were fitted;
    ``steps`` are those of its network. The first of equal scores is taken. ValueError for too few
    frames or VAEs, or missing factors.
    """
    check_enough(len(frames))
    vaes = {name: BetaVAE.load(folder) for name, folder in folders.items()}
    codes = [
        Code(*vae.posterior_frames(frames.frames), _content(vae), least_variance(vae))
        for vae in vaes.values()
    ]
    agreement: tuple[tuple[float, ...], ...] = ()
    if by == "udr":
        found = udr([code.mu for code in codes], kl=[code.kl for code in codes], seed=seed)
        scores = found.scores.tolist()
        agreement = tuple(tuple(map(float, row)) for row in found.pairs)
    elif by == "independence":
        scores = [_independence(code) for code in codes]
    else:
        settings: dict[str, Any] = {"group": group, "seed": seed, "steps": steps}
        scores = [label_score(code, frames.factors, specs, by, **settings) for code in codes]
    known = [vae.meta["scores"]["validation"] for vae in vaes.values()]
    candidates = tuple(
        Candidate(name, score, int(code.active.sum()), float(code.kl.sum()), m["vae/elbo"])
        for name, score, code, m in zip(vaes, scores, codes, known, strict=True)
    )
    best = candidates[int(np.argmax(scores))].name
    return Selection(by, best, why(candidates, by), len(frames), candidates, agreement)


def label_score(
    code: Code,
    factors: np.ndarray | None,
    specs: Sequence[FactorSpec],
    by: Criterion,
    *,
    group: np.ndarray | None = None,
    seed: int = 0,
    steps: int = 2000,
) -> float:
    """MIG or mean R2 of a code, over the (N, K) factors that ``specs`` describe."""
    if by not in ("mig", "r2"):
        raise ValueError(f"unknown criterion {by!r}; known: {', '.join(get_args(Criterion))}")
    if factors is None or not specs:
        raise ValueError(
            f"{by} needs frames with known factors; {' and '.join(UNLABELLED)} do without them"
        )
    parts = _by_group(group, seed)
    values, kept, _ = taken(factors, specs, episode=None if parts is None else group, seed=seed)
    z, active = code.mu, code.active
    state = [k for k, spec in enumerate(kept) if spec.role == "state"]
    if code.content is not None and state:
        z, active = z[:, code.content], active[code.content]
        values, kept = values[:, state], tuple(kept[k] for k in state)
    kinds = [spec.kind for spec in kept]
    if by == "mig":
        return mig(z, values, kinds=kinds, active=active).score
    if parts is None:
        return r2(z, values, kinds=kinds, seed=seed, steps=steps).mean
    train, test = parts
    return r2(
        z[train], values[train], codes_test=z[test], factors_test=values[test], kinds=kinds,
        seed=seed, steps=steps,
    ).mean  # fmt: skip


def check_enough(frames: int) -> None:
    """ValueError for too few held-out frames to compare VAEs on."""
    if frames < LEAST_FRAMES:
        raise ValueError(
            f"{frames} held-out frames are too few to compare VAEs on, {LEAST_FRAMES} are needed: "
            "collect more, or hold out a larger fraction (--validation)"
        )


def last_within(scores: Sequence[float], margin: float) -> int:
    """The last place whose score is within ``margin`` of the best; NaN is never taken.

    For scores along a sweep of rising weight: the largest weight that costs next to nothing.
    """
    found = np.asarray(scores, dtype=float)
    if not np.isfinite(found).any():
        raise ValueError("there is no score to choose by")
    return int(np.flatnonzero(found >= np.nanmax(found) - margin)[-1])


def why(candidates: Sequence[Candidate], by: Criterion) -> str:
    """Why the best of the candidates is taken, and how much that may be worth."""
    scores = np.array([candidate.score for candidate in candidates])
    best = candidates[int(np.argmax(scores))]
    reason = {
        "udr": "agrees best with the others",
        "independence": "has the most independent latents",
        "mig": "has the largest MIG",
        "r2": "lets its factors be read best",
    }[by]
    label = {"udr": "UDR", "independence": "independence", "mig": "MIG", "r2": "R2"}[by]
    text = (
        f"{best.name} {reason}: {label} {best.score:.2f}, mean of {len(scores)} "
        f"{scores.mean():.2f}, worst {scores.min():.2f}"
    )
    if by == "udr" and len(scores) == 2:
        text += "; two seeds can agree, but not say which of them is better: train three or more"
    return text


def _independence(code: Code) -> float:
    seen = slice(None) if code.content is None else code.content
    return independence(code.mu[:, seen], active=code.active[seen]).score


def _content(vae: BetaVAE) -> slice | None:
    return vae.slice_of("content") if "content" in vae.config.groups else None


def _by_group(group: np.ndarray | None, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows to fit and to test on, by whole groups; None if there are none, or too few."""
    if group is None or len(names := np.unique(group)) < LEAST_EPISODES:
        return None
    _, test = split(len(names), test_fraction=0.25, seed=seed)
    held = np.isin(group, names[test])
    return np.flatnonzero(~held), np.flatnonzero(held)
