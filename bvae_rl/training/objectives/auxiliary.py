"""A network that an objective trains beside the VAE: a discriminator, a feature extractor.

It is built when the VAE is known, from a seed of its own, and kept in the checkpoint together with
its optimizer, so that a killed run ends with the same weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.seeded import seeded

SEED = 0  # of every auxiliary network's weights; the run's seed changes the VAE and the batches

Network = TypeVar("Network", bound=nn.Module)


class AuxiliaryNetwork(Generic[Network]):
    """``make(vae)`` builds the network; Adam trains it.

    Outside ``improve`` its parameters take no gradients, so a loss may pass through it to the VAE.
    """

    def __init__(
        self,
        make: Callable[[BetaVAE], Network],
        *,
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        self._make, self._learning_rate, self._betas = make, learning_rate, betas
        self._network: Network | None = None
        self._optimizer: torch.optim.Adam | None = None
        self._saved: dict[str, Any] = {}  # loaded before there was a VAE to build the network for

    def network(self, vae: BetaVAE) -> Network:
        """The network, on the VAE's device; built at the first call."""
        if self._network is None:
            with seeded(SEED):
                network = self._make(vae)
            network.to(next(vae.parameters()).device).requires_grad_(False)
            optimizer = torch.optim.Adam(
                network.parameters(), lr=self._learning_rate, betas=self._betas
            )
            if self._saved:
                network.load_state_dict(self._saved["network"])
                optimizer.load_state_dict(self._saved["optimizer"])
                self._saved = {}
            self._network, self._optimizer = network, optimizer
        return self._network

    def improve(self, loss: Callable[[Network], Tensor]) -> float:
        """One step of Adam on ``loss(network)``, a scalar; returns its value."""
        assert self._network is not None and self._optimizer is not None, "network() comes first"
        self._network.requires_grad_(True)
        value = loss(self._network)
        self._optimizer.zero_grad(set_to_none=True)
        value.backward()
        self._optimizer.step()
        self._network.requires_grad_(False)
        return value.item()

    def forget(self) -> None:
        """Back to before the first step, for another run with the same objective."""
        self._network, self._optimizer, self._saved = None, None, {}

    def state_dict(self) -> dict[str, Any]:
        """Weights and optimizer; empty before there are any."""
        if self._network is None or self._optimizer is None:
            return self._saved
        return {
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state`` once the network is asked for."""
        self.forget()
        self._saved = state
