"""One step of training, and the batches for it: what pretraining and fine-tuning repeat.

A step depends only on (seed, step). Where a step is computed by a single thread or by a GPU, its
batch is drawn in another thread while the step before it is computed, which hides the time that a
store larger than memory takes to read. The threads of a computation on several cores wait for each
other, and one more would slow all of them down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.devices import use_bfloat16
from bvae_rl.training.batches.batch import Batch, Pairing
from bvae_rl.training.batches.pixel_weights import Weigh
from bvae_rl.training.batches.tiles import TiledVAE, fits, tiled
from bvae_rl.training.compiled import use_compiled, with_compiled_networks
from bvae_rl.training.objectives import Objective
from bvae_rl.training.train_config import TrainConfig

Logged = Mapping[str, Tensor | float]
T = TypeVar("T")


class NotFinite(ValueError):
    """The loss or its gradient is NaN or infinite; the weights are those before that step."""


class Trainer:
    """Model, optimizer and objective, and the one step that joins them."""

    def __init__(
        self,
        vae: BetaVAE,
        objective: Objective,
        train: TrainConfig,
        *,
        steps: int,
        seed: int,
        device: torch.device,
        weighted: bool = False,
    ) -> None:
        """``steps`` is the length of the training; ``weighted``: the pixels have weights."""
        fast_layouts = device.type in ("cpu", "cuda")
        self.vae = vae.to(device).train()
        if fast_layouts:
            self.vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective, self.train = objective, train
        self.steps, self.seed, self.device = steps, seed, device
        self.bfloat16 = use_bfloat16(train.precision, device)
        self.parameters = list(vae.parameters())
        self.optimizer = torch.optim.AdamW(  # Adam where nothing decays
            _decaying(vae) if train.weight_decay else self.parameters,
            lr=train.learning_rate,
            weight_decay=train.weight_decay,
            fused=fast_layouts,
        )
        self._fast = self._fast_vae(weighted)

    def lay_out(self, batch: Batch) -> Batch:
        """``batch`` as what computes the loss takes it."""
        return tiled(batch) if isinstance(self._fast, TiledVAE) else batch

    def batches(
        self, store: FrameStore, pairing: Pairing, first: int, weigh: Weigh | None = None
    ) -> Iterator[tuple[Batch, Tensor]]:
        """What the steps from ``first`` on train on: laid out frames, and noise (images, D)."""

        def draw(step: int) -> tuple[Batch, Tensor]:
            rng = np.random.default_rng([self.seed, step])
            batch = pairing(store, rng, self.train.batch_size)
            if weigh is not None:
                batch = weigh(batch, step)
            return self.lay_out(batch), self.noise(rng)

        if self.device.type == "cpu" and torch.get_num_threads() > 1:
            return map(draw, range(first, self.steps))
        return ahead(draw, first, self.steps)

    def noise(self, rng: np.random.Generator) -> Tensor:
        """Standard normal noise (batch_size, D)."""
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        shape = (self.train.batch_size, self.vae.config.latent_dim)
        return torch.randn(shape, generator=generator)

    def step(self, batch: Batch, noise: Tensor, step: int) -> dict[str, Tensor | float]:
        """Improve the weights once; returns the loss, its parts and the gradient's norm.

        ``batch`` is laid out (``lay_out``). NotFinite if that cannot be done; nothing has then
        changed.
        """
        batch, noise = batch.to(self.device), noise.to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = self.train.learning_rate_at(step, self.steps)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16):
            loss, parts = self.objective.loss(self._fast, batch, step, noise)
        self._require_finite("loss", loss, step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.train.max_grad_norm)
        self._require_finite("gradient", norm, step)
        self.optimizer.step()
        self.objective.after_step(self.vae, batch, step)
        named = {
            f"vae/{name}": part.detach() if isinstance(part, Tensor) else part
            for name, part in parts.items()
        }
        return {"vae/loss": loss.detach(), **named, "vae/gradient_norm": norm}

    def state_dict(self) -> dict[str, Any]:
        """All that changes from step to step."""
        return {
            "vae": self.vae.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "objective": self.objective.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``."""
        self.vae.load_state_dict(state["vae"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.objective.load_state_dict(state["objective"])

    def finished(self) -> BetaVAE:
        """The VAE, on the CPU and ready for use; no step can follow."""
        vae = self.vae.cpu().eval()
        vae.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        return vae

    def _fast_vae(self, weighted: bool) -> BetaVAE:
        """What computes the loss with the weights of ``vae``."""
        on_tiles = not self.objective.needs_pixels and fits(self.vae) and self.device.type == "cpu"
        fast = TiledVAE(self.vae) if on_tiles else self.vae
        if not use_compiled(self.train.compile, self.steps, self.device):
            return fast
        return with_compiled_networks(
            fast, images=self.train.batch_size, bfloat16=self.bfloat16, weighted=weighted
        )

    def _require_finite(self, what: str, value: Tensor, step: int) -> None:
        if not torch.isfinite(value):
            raise NotFinite(
                f"the {what} became {value.item():g} at step {step} (seed {self.seed}); the "
                "weights are those before it; lower the learning rate, beta or recon_weight, and "
                "look at the frames"
            )


def plain(logged: Logged) -> dict[str, float]:
    """What ``Trainer.step`` returned as numbers."""
    return {name: float(value) for name, value in logged.items()}


def _decaying(vae: BetaVAE) -> list[dict[str, Any]]:
    """Groups of parameters: weights decay, biases and the values of quantised latents do not."""
    values = None if vae.codebook is None else vae.codebook.values
    weights = [p for p in vae.parameters() if p.ndim > 1 and p is not values]
    others = [p for p in vae.parameters() if p.ndim <= 1 or p is values]
    return [{"params": weights}, {"params": others, "weight_decay": 0.0}]


def ahead(draw: Callable[[int], T], first: int, last: int) -> Iterator[T]:
    """``draw(first)`` to ``draw(last - 1)``, each made in a thread while its predecessor is used.

    At most two are in memory: the one in use and the next.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches") as pool:
        coming = pool.submit(draw, first)
        for step in range(first, last):
            drawn = coming.result()
            if step + 1 < last:
                coming = pool.submit(draw, step + 1)
            yield drawn
