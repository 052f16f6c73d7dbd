"""How a VAE is optimised: batch, learning rate over the training, precision, device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from bvae_rl.runtime.devices import Precision
from bvae_rl.runtime.whole import is_whole

Decay = Literal["linear", "none"]


@dataclass(frozen=True)
class TrainConfig:
    """How to optimise: Adam, with a warm-up and a decay of the learning rate."""

    batch_size: int = 64
    """images a batch, a multiple of 4; both of a pair count"""
    learning_rate: float = 2e-3
    """of Adam, at its peak"""
    warmup: int = 200
    """steps until the peak"""
    decay: Decay = "linear"
    """of the learning rate: linear, to 2% of the peak at the last step; none, which lets a training
    go on for more steps than were planned"""
    max_grad_norm: float = 1000.0
    """bound of the gradient's norm, whose scale is that of the loss"""
    weight_decay: float = 0.0
    """decoupled from the gradient (AdamW, Loshchilov and Hutter 2019)"""
    validation: float = 0.02
    """fraction of the states held out"""
    log_freq: int = 200
    """steps between two rows of the log"""
    save_freq: int = 1000
    """steps between two checkpoints: usable VAEs, from which a killed run goes on"""
    precision: Precision = "auto"
    """auto: bfloat16 where the hardware is faster with it"""
    device: str = "auto"
    """auto, cpu, cuda, mps"""
    compile: Literal["auto"] | bool = "auto"
    """torch.compile for the networks (20 s, then faster); auto: trainings of 20,000 steps on a CPU
    and more"""

    def __post_init__(self) -> None:
        if not is_whole(self.batch_size) or self.batch_size < 4 or self.batch_size % 4:
            raise ValueError(
                f"batch_size must be a positive multiple of 4 images, got {self.batch_size}"
            )
        for name in ("learning_rate", "max_grad_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("weight_decay", "warmup"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        for name, known in (("decay", Decay), ("precision", Precision)):
            if (value := getattr(self, name)) not in get_args(known):
                raise ValueError(f"unknown {name} {value!r}; known: {', '.join(get_args(known))}")
        if self.compile != "auto" and not isinstance(self.compile, bool):
            raise ValueError(f"compile is 'auto', True or False, got {self.compile!r}")
        for name in ("log_freq", "save_freq"):
            value = getattr(self, name)
            if not is_whole(value) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        if not 0.0 < self.validation < 0.5:
            raise ValueError(f"validation must be in (0, 0.5), got {self.validation}")

    def learning_rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step in 0..steps-1."""
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        left = max(0.02, 1.0 - step / steps) if self.decay == "linear" else 1.0
        return self.learning_rate * warm * left
