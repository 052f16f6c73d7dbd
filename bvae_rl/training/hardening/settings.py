"""What a hardening is made of: the last phase of a recipe, or of ``bvae_rl.harden``."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from typing import Any

from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import AUTO, VAEConfig
from bvae_rl.models.widened import wider
from bvae_rl.runtime.identity import KIND
from bvae_rl.training.augment.colour import FREQUENCY, PART
from bvae_rl.training.augment.variations import check_strength, named
from bvae_rl.training.objectives.checks import whole
from bvae_rl.training.objectives.distillation import InvarianceDistillation
from bvae_rl.training.train_config import TrainConfig

STEPS, LEARNING_RATE = 12_000, 4e-3
MAX_GRAD_NORM = 1.0  # a usual one: without a bound some trainings break down at this learning rate
CLEAN = 16  # frames a batch


@dataclass(frozen=True)
class Hardening:
    """How a trained VAE learns to ignore something (``objectives/distillation.py``).

    ``against``: names of variations (``augment.variations``).
    ``steps``: batches; None: half as many as the VAE had before.
    ``latents``: which are learned from varied frames: a group, "all", or "auto", which is the
    content where there is such a group, else all.
    ``clean``: frames a batch from which all latents are learned as they are, too.
    ``strength``: of the variations, from 0, none, over 1, as they were tuned, to 2.
    ``frequency``: of the colour maps, in rad, above 0 (``augment.colour``).
    ``part``: the share of them that leaves some colours as they are, from 0 to 1.
    ``channels``, ``hidden``: the student's widths, none below the teacher's; None: the teacher's.

    Raises ValueError for what is outside of these; widths are held against the teacher's when there
    is one (``student``).
    """

    against: tuple[str, ...] = ("colour",)
    steps: int | None = None
    latents: str = AUTO
    clean: int = CLEAN
    strength: float = 1.0
    frequency: float = FREQUENCY
    part: float = PART
    channels: Sequence[int] | None = None
    hidden: int | None = None

    def __post_init__(self) -> None:
        named(self.against, frequency=self.frequency, part=self.part)
        whole("clean", self.clean, least=0)
        check_strength(self.strength)
        if self.steps is not None:
            whole("steps", self.steps, least=1)

    def identity(self) -> dict[str, Any]:
        """All fields, but for the newer ones that are not given."""
        newer = ("channels", "hidden")
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        kept = {name: v for name, v in given.items() if name not in newer or v is not None}
        return {KIND: type(self).__name__, **kept}

    def batches(self, before: int) -> int:
        """How many there are after a training of ``before``."""
        return max(1, before // 2) if self.steps is None else self.steps

    def student(self, teacher: VAEConfig) -> VAEConfig:
        """What learns from a ``teacher`` like this; ValueError for widths below the teacher's."""
        return wider(teacher, self.channels, self.hidden)

    def objective(self, teacher: BetaVAE) -> InvarianceDistillation:
        """The training of a copy of ``teacher``; ValueError for latents that it does not have.

        The objective holds a copy, too: it is frozen and moved to the training's device.
        """
        return InvarianceDistillation(
            deepcopy(teacher).cpu(), self.against, latents=teacher.config.choice(self.latents),
            clean=self.clean, strength=self.strength, frequency=self.frequency, part=self.part,
        )  # fmt: skip

    @property
    def known(self) -> str:
        """What is known beside the frames, in words."""
        verb = "is" if len(self.against) == 1 else "are"
        return f"that {', '.join(self.against)} {verb} appearance"


def train_of_phase(train: TrainConfig | None) -> TrainConfig:
    """How the phase after a pretraining with ``train`` is optimised."""
    given = train or TrainConfig()
    return replace(given, learning_rate=LEARNING_RATE, max_grad_norm=MAX_GRAD_NORM)
