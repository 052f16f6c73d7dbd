"""A pretrained Beta-VAE encoder as the features extractor of a Stable-Baselines3 policy.

    model = PPO("CnnPolicy", env, policy_kwargs=policy_kwargs("runs/vae"))

The weights are frozen and are *buffers*, not parameters: no optimizer, gradient clipping or Polyak
averaging of SB3 reaches them (Polyak rounds: a target copy of a frozen parameter drifts in its last
bits), and a pass through them builds no graph. Only the encoder is held, never the decoder. The
weights are saved in ``model.zip``, which loads where the VAE's folder is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import gymnasium as gym
import torch
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from bvae_rl.model import BetaVAE, VAEConfig
from bvae_rl.networks import make_encoder
from bvae_rl.plug.frames_in import FrameLayout

DEFAULT_NET_ARCH = (256, 256)


def policy_kwargs(
    checkpoint: str | Path,
    *,
    latents: str = "all",
    net_arch: Sequence[int] | Mapping[str, Sequence[int]] = DEFAULT_NET_ARCH,
) -> dict[str, Any]:
    """The ``policy_kwargs`` that plug the VAE saved at ``checkpoint`` into any SB3 algorithm.

    ``latents`` is "all" or a group of the VAE. ``net_arch`` is always explicit, because SB3's own
    default depends on the class of the extractor; (256, 256) is what it gives SAC, and the forms
    that the algorithm knows (``{"pi": ..., "vf": ...}``, ``{"pi": ..., "qf": ...}``) are handed on.
    Give a rival (NatureCNN) the same. Raises ValueError for a missing or damaged checkpoint.
    """
    config = BetaVAE.load(checkpoint).config
    config.slice_of(latents)  # raises for an unknown group
    return {
        "features_extractor_class": BetaVAEExtractor,
        "features_extractor_kwargs": {
            "config": config.to_dict(),
            "checkpoint": str(checkpoint),
            "latents": latents,
        },
        "net_arch": (
            {name: list(widths) for name, widths in net_arch.items()}
            if isinstance(net_arch, Mapping)
            else list(net_arch)
        ),
    }


class BetaVAEExtractor(BaseFeaturesExtractor):
    """Posterior means of a frozen encoder, (B, stack * D), not standardised.

    ``config`` is ``VAEConfig.to_dict()``; ``checkpoint`` is a VAE's folder; ``latents`` chooses the
    columns, "all" or a group. A stack of n frames gives n codes, the oldest first. If
    ``checkpoint`` cannot be used (as on another machine), the extractor waits for a state dict that
    holds weights, such as the one in ``model.zip``, and ``forward`` raises until it has come.

    Raises TypeError or ValueError for an observation space other than the pictures that the VAE was
    trained on.
    """

    ready: Tensor

    def __init__(
        self,
        observation_space: gym.Space[Any],
        *,
        config: Mapping[str, Any],
        checkpoint: str | None = None,
        latents: str = "all",
    ) -> None:
        vae_config = VAEConfig.from_dict(config)
        layout = FrameLayout.of(observation_space, shape=vae_config.shape)
        columns = vae_config.slice_of(latents)
        super().__init__(observation_space, layout.stack * (columns.stop - columns.start))
        self.layout = layout
        self._columns = columns  # of the encoder's output, whose first half is mu
        # SB3 divides these spaces by 255 itself, and only these
        self._scaled = is_image_space(observation_space)
        self.encoder, self._problem = _load_encoder(vae_config, checkpoint)
        _turn_into_buffers(self.encoder)
        self.register_buffer("ready", torch.tensor(not self._problem))
        self.train(False)

    def forward(self, observations: Tensor) -> Tensor:
        """Observations (B, *space.shape) as SB3 hands them over -> mu (B, stack * D).

        Raises ValueError for values outside [0, 1], NaN included, and while there are no weights.
        """
        if not self.ready:
            raise ValueError(
                f"the Beta-VAE encoder has no weights: {self._problem}; give checkpoint= the "
                "folder of a saved VAE, or load a model.zip that was saved with one"
            )
        x = self.layout.x(observations, scaled=self._scaled)  # (B * stack, C, H, W)
        mu: Tensor = self.encoder(x)[:, self._columns]
        return mu.reshape(len(observations), self.features_dim)

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode: SB3 calls this before every update."""
        return super().train(False)

    def apply(self, fn: Callable[[nn.Module], None]) -> Self:
        """Leave everything as it is: PPO and A2C initialise the policy's layers through this."""
        return self


def _load_encoder(config: VAEConfig, checkpoint: str | None) -> tuple[nn.Module, str]:
    """The encoder and why it has no weights ("" if it has).

    Draws no random numbers from the global generator, so that the policy's heads start the same
    with and without an encoder in front.
    """
    with torch.random.fork_rng(devices=[]):
        problem = "no checkpoint was given"
        if checkpoint is not None:
            try:
                vae = BetaVAE.load(checkpoint)
            except (ValueError, OSError) as error:
                problem = str(error)
            else:
                if vae.config == config:
                    return vae.encoder, ""
                problem = f"the VAE at {checkpoint} has another config than the one given"
        encoder = make_encoder(
            config.shape, latents=config.latents, channels=config.channels, hidden=config.hidden
        )
        return encoder, problem


def _turn_into_buffers(network: nn.Module) -> None:
    """Make every parameter a buffer of the same name; a state dict stays the same."""
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, parameter.detach())
