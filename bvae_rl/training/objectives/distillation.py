"""Invariance distillation: varied frames are taught the code that a teacher gives clean ones.

What cannot be known from the varied frame averages out of the code, and what can stays where the
teacher had it. The target is the code of the clean picture as in SVEA (Hansen et al. 2021, arXiv
2107.00644), the error that of feature distillation (Romero et al. 2015, FitNets, arXiv 1412.6550)
over each latent's spread, and counted by its size rather than its square where it is large: a map
of colours that hides an object leaves errors that nothing can lessen, and squared they drown the
small ones, by which an agent misses its target. No decoder and no KL take part: the decoder stays
the teacher's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.augment.colour import FREQUENCY, PART
from bvae_rl.training.augment.variations import (
    Variation,
    check_strength,
    named,
    vary,
    versions,
)
from bvae_rl.training.batches.batch import Batch, Pairing, frames_at, single
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.autoencoder import generator_of
from bvae_rl.training.objectives.base import Objective, Parts
from bvae_rl.training.objectives.checks import whole
from bvae_rl.training.validation import posterior_means, spread

LEAST_STD = 0.2  # of a latent, so that one that carries nothing does not weigh as much as others
TOLERANCE = 0.1  # of a spread: about here the cost of an error turns from its square to its size
MEMORY = 0.99  # of the running mean of squared errors, a step


@dataclass(frozen=True)
class InvarianceDistillation(Objective):
    """``teacher`` has the architecture of the VAE that is trained, which starts as its copy.

    ``against``: names of variations (``augment.variations``).
    ``latents``: which of them are learned from varied frames: a group, or "all".
    ``clean``: of how many frames a batch all latents are learned from the clean frame, too, which
    keeps what varied frames cannot show, such as the style group.
    ``strength``: of the variations (``augment.variations.vary``).
    ``frequency``, ``part``: of the colour maps (``augment.colour``).
    ``tolerance``: of the error (``charbonnier``), in units of each latent's spread.

    The posterior's variances are set, not learned: of each latent the running mean of the squared
    distance to the teacher's posterior, so that the KL of what averaged out is near 0.
    """

    name = "distillation"

    teacher: BetaVAE
    against: tuple[str, ...] = ("colour",)
    latents: str = "all"
    clean: int = 0
    strength: float = 1.0
    frequency: float = FREQUENCY
    part: float = PART
    tolerance: float = TOLERANCE
    _state: dict[str, Tensor] = field(default_factory=dict, init=False, repr=False, compare=False)
    _scale: dict[str, Tensor] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named(self.against, frequency=self.frequency, part=self.part)
        whole("clean", self.clean, least=0)
        check_strength(self.strength)
        if not self.tolerance > 0:
            raise ValueError(f"tolerance must be positive, got {self.tolerance}")
        self.teacher.slice_of(self.latents)
        self.teacher.eval().requires_grad_(False)

    def identity(self) -> dict[str, Any]:
        """Without the newer ``frequency`` where it is the usual one; with newer variations."""
        found = super().identity()
        kept = {k: v for k, v in found.items() if k != "frequency" or v != FREQUENCY}
        newer = versions(self.against)
        return {**kept, "versions": newer} if newer else kept

    @property
    def variations(self) -> list[Variation]:
        """What varies the frames, in the order in which it is applied."""
        return named(self.against, frequency=self.frequency, part=self.part)

    @property
    def levels(self) -> int:
        """Of the teacher's latents; 0 where they are continuous."""
        return self.teacher.config.levels

    def pairing(self, rows: Rows, vae: BetaVAE) -> Pairing:
        """Single frames; and each latent's spread over up to 1,024 of them."""
        x = frames_at(rows.store, spread(rows.train))
        self.teacher.cpu()  # where the frames are; an earlier training may have moved it
        self._state.clear()
        self._scale["std"] = posterior_means(self.teacher, x).std(0).clamp_min(LEAST_STD)
        return single(rows)

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """Mean distance (``charbonnier``) to the teacher's codes, in units of each latent's spread.

        A latent of a clean frame counts as much as one of a varied frame.
        """
        x, std = batch.x, self._std().to(batch.x.device)
        clean, learned = min(self.clean, len(x)), self.teacher.slice_of(self.latents)
        with torch.no_grad():
            target, logvar = self.teacher.to(x.device).encode(x)
        varied = vary(x, self.variations, generator_of(noise), strength=self.strength)
        mu, _ = vae.encode(torch.cat([varied, x[:clean]]))
        away = mu - torch.cat([target, target[:clean]])
        errors = charbonnier(away / std, self.tolerance)
        distance = errors[: len(x), learned].mean()
        loss = distance
        parts: Parts = {"distance": distance.detach()}
        if clean:
            parts["distance_clean"] = errors[len(x) :].mean().detach()
            loss = loss + errors[len(x) :].sum() / errors[: len(x), learned].numel()
        self._remember(away.detach(), logvar, clean)
        return loss, {**parts, "recon": 0.0, "kl": 0.0, "beta": 0.0}

    def _std(self) -> Tensor:
        """Each latent's spread (D,): over frames of ``pairing``, else as the teacher knows it."""
        if "std" not in self._scale:
            self._scale["std"] = torch.from_numpy(statistics_of(self.teacher)[1]).float()
            self._scale["std"].clamp_min_(LEAST_STD)
        return self._scale["std"]

    @torch.no_grad()
    def after_step(self, vae: BetaVAE, batch: Batch, step: int) -> None:
        """Set the encoder's variances; quantised latents are points."""
        self._state["variance"] = self._scale.pop("next")
        last = vae.encoder[-1]
        if isinstance(last, nn.Linear):
            latents = self.teacher.latent_dim
            last.weight[latents:] = 0.0
            assert last.bias is not None
            last.bias[latents:] = self._state["variance"].log()

    @torch.no_grad()
    def _remember(self, away: Tensor, logvar: Tensor, clean: int) -> None:
        """The next running variances (D,): of varied frames, of what is only kept of clean ones."""
        images, learned = len(logvar), self.teacher.slice_of(self.latents)
        squares = away[images:] if clean else away[:images]
        seen = squares.square().mean(0)
        seen[learned] = away[:images, learned].square().mean(0)
        seen = seen + logvar.exp().mean(0)
        before = self._state.get("variance")
        self._scale["next"] = (  # until the step is made, which may be refused
            seen if before is None else torch.lerp(before.to(seen), seen, 1.0 - MEMORY)
        )

    def state_dict(self) -> dict[str, Any]:
        """The running variances."""
        return dict(self._state)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state``."""
        self._state.clear()
        self._state.update(state)


def charbonnier(error: Tensor, tolerance: float) -> Tensor:
    """sqrt(error^2 + tolerance^2) - tolerance: a parabola below ``tolerance`` > 0, a line above.

    Charbonnier et al. 1994; its derivative is at most 1 in size.
    """
    return (error.square() + tolerance**2).sqrt() - tolerance


def statistics_of(teacher: BetaVAE) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each latent; ValueError for a VAE that was never trained."""
    known = teacher.statistics()
    if known is None:
        raise ValueError(
            "hardening needs the spread of the teacher's latents, and this VAE was never "
            "pretrained: take one that bvae_rl.pretrain made"
        )
    return known
