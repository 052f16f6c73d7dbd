"""How a VAE is optimised: batch, learning rate over the training, precision, device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bvae_rl.runtime.devices import Precision


@dataclass(frozen=True)
class TrainConfig:
    """How to optimise: Adam, warmed up, then linear decay to 2% of the peak."""

    batch_size: int = 64
    """images a batch, a multiple of 4; both of a pair count"""
    learning_rate: float = 2e-3
    """of Adam, at its peak"""
    warmup: int = 200
    """steps until the peak"""
    max_grad_norm: float = 1000.0
    """bound of the gradient's norm, whose scale is that of the loss"""
    weight_decay: float = 0.0
    """decoupled from the gradient (AdamW, Loshchilov and Hutter 2019)"""
    validation: float = 0.02
    """fraction of the states held out"""
    log_freq: int = 200
    """steps between two rows of the log"""
    save_freq: int = 1000
    """steps between two checkpoints, from which a killed run goes on"""
    precision: Precision = "auto"
    """auto: bfloat16 where the hardware is faster with it"""
    device: str = "auto"
    """auto, cpu, cuda, mps"""
    compile: Literal["auto"] | bool = "auto"
    """torch.compile for the networks (20 s, then faster); auto: trainings of 20,000 steps on a CPU
    and more"""

    def __post_init__(self) -> None:
        if self.batch_size < 4 or self.batch_size % 4:
            raise ValueError(
                f"batch_size must be a positive multiple of 4 images, got {self.batch_size}"
            )
        if not self.learning_rate > 0 or not self.max_grad_norm > 0:
            raise ValueError(
                f"learning_rate and max_grad_norm must be positive, got {self.learning_rate} and {self.max_grad_norm}"
            )
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay must not be negative, got {self.weight_decay}")
        for name in ("log_freq", "save_freq"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0.0 < self.validation < 0.5:
            raise ValueError(f"validation must be in (0, 0.5), got {self.validation}")

    def learning_rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step in 0..steps-1."""
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        return self.learning_rate * warm * max(0.02, 1.0 - step / steps)
