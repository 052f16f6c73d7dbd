"""Encoders and extractors as a user would write them; in a module of their own, to be pickled."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from bvae_rl.sb3 import BetaVAECombinedExtractor, BetaVAEExtractor

SHAPE = (3, 32, 32)


class Convolutions(nn.Module):
    """Two convolutions with batch normalisation and dropout between: it matters who calls eval."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.net = nn.Sequential(
                nn.Conv2d(3, 4, 4, stride=4), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.ReLU(),
                nn.Flatten(), nn.Linear(256, width),
            )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


def means(x: torch.Tensor) -> torch.Tensor:
    """The mean of each channel in each quarter: (B, 12)."""
    return torch.nn.functional.avg_pool2d(x, 16).flatten(1)


class WithHead(BetaVAEExtractor):
    """A layer of one's own on the codes."""

    def __init__(self, observation_space: Any, *, width: int = 7, **more: Any) -> None:
        super().__init__(observation_space, **more)
        self.head = nn.Sequential(nn.Linear(self.features_dim, width), nn.Tanh())
        self._features_dim = width

    def forward(self, observations: Any) -> torch.Tensor:
        return self.head(super().forward(observations))


class CombinedWithHead(BetaVAECombinedExtractor):
    """The same over Dict observations."""

    def __init__(self, observation_space: Any, *, width: int = 7, **more: Any) -> None:
        super().__init__(observation_space, **more)
        self.head = nn.Linear(self.features_dim, width)
        self._features_dim = width

    def forward(self, observations: Any) -> torch.Tensor:
        return self.head(super().forward(observations))
