"""ControlVAE (Shao et al. 2020, arXiv 2004.05988, eq. 7 and algorithm 1): beta is a controller's.

The KL is to follow a set point C; with the error e = C - KL,

    beta = beta_min + kp / (1 + exp(e)) - ki * (sum of e so far),  within beta_min .. beta_max

C starts at half a nat and rises in steps. A KL above it raises beta, one below it lowers beta. The
paper stops the sum while beta is out of bounds, and its code then never takes it up again once
beta passed the upper one; here the sum itself is kept within the bounds, which cannot lock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives.base import LikelihoodObjective, Parts
from bvae_rl.training.objectives.checks import not_negative, positive, whole
from bvae_rl.training.objectives.elbo import elbo
from bvae_rl.training.objectives.entry import Entry

FIRST_SET_POINT = 0.5  # nats, of the reference code


def control(
    integral: float, error: float, *, kp: float, ki: float, beta_min: float, beta_max: float
) -> tuple[float, float]:
    """(integral, error in nats) -> (integral, beta): one step of the PI controller."""
    proportional = kp * 0.5 * (1.0 - math.tanh(0.5 * error))  # kp / (1 + exp(error)), no overflow
    integral = min(max(integral - ki * error, 0.0), beta_max - beta_min)
    return integral, min(beta_min + proportional + integral, beta_max)


def set_point(step: int, *, kl: float, rise: float, every: int) -> float:
    """C in nats: from half a nat on up by ``rise`` after each ``every`` steps, at most ``kl``."""
    return min(kl, FIRST_SET_POINT + rise * (step // every))


@dataclass(frozen=True)
class ControlVAEObjective(LikelihoodObjective):
    """``kl`` is the last set point in nats, which rises by ``rise`` after each ``every`` steps."""

    name = "control"

    kl: float
    kp: float = 0.01
    ki: float = 0.001
    beta_min: float = 1.0
    beta_max: float = 3.0
    rise: float = 0.15
    every: int = 5000
    _state: dict[str, float] = field(
        default_factory=lambda: {"integral": 0.0, "next": 0.0},
        init=False, repr=False, compare=False,
    )  # fmt: skip  # the sum of the errors, and what it is once this step is done

    def __post_init__(self) -> None:
        positive(kl=self.kl, rise=self.rise, beta_max=self.beta_max)
        not_negative(kp=self.kp, ki=self.ki, beta_min=self.beta_min)
        if self.beta_min > self.beta_max:
            raise ValueError(
                f"beta_min must not exceed beta_max, got {self.beta_min:g} and {self.beta_max:g}"
            )
        whole("every", self.every, least=1)

    def loss(self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor) -> tuple[Tensor, Parts]:
        """recon + beta * KL, beta from the KL of this batch and of those before."""
        if step == 0:
            self._state["integral"] = 0.0  # another run with the same objective
        e = elbo(vae, batch, noise)
        target = set_point(step, kl=self.kl, rise=self.rise, every=self.every)
        self._state["next"], beta = control(
            self._state["integral"], target - e.mean_kl.item(), kp=self.kp, ki=self.ki,
            beta_min=self.beta_min, beta_max=self.beta_max,
        )  # fmt: skip
        loss = e.recon + beta * e.mean_kl
        return loss, {"recon": e.recon, "kl": e.mean_kl, "beta": beta, "set_point": target}

    def after_step(self, vae: BetaVAE, batch: Batch, step: int) -> None:
        """The controller moves on."""
        self._state["integral"] = self._state["next"]

    def state_dict(self) -> dict[str, Any]:
        """The sum of the errors."""
        return {"integral": self._state["integral"]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from that sum."""
        self._state["integral"] = float(state["integral"])


ENTRY = Entry(
    name="control",
    objective=ControlVAEObjective,
    source="Shao et al. 2020, eq. 7 and algorithm 1; values of its code for disentangling",
    purpose="a KL that ends where you say, at the beta that this takes",
    advice="kl (nats): where the KL ends; rise / every: how fast it gets there (no --ramp)",
    paper={
        "kl": 18.0, "kp": 0.01, "ki": 0.001, "beta_min": 1.0, "beta_max": 3.0, "rise": 0.15,
        "every": 5000.0,
    },
    tuned={"kl": 25.0, "ki": 0.01, "beta_min": 0.0, "beta_max": 100.0, "every": 36.0},
)  # fmt: skip
