"""Dict observations: pictures through the Beta-VAE's encoder, vectors as they are.

kwargs = policy_kwargs("runs/vae", extractor=BetaVAECombinedExtractor)
model = SAC("MultiInputPolicy", env, policy_kwargs=kwargs)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import torch
from stable_baselines3.common.preprocessing import get_flattened_obs_dim, is_image_space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

from bvae_rl.data.frame_layout import image_layouts
from bvae_rl.models.vae import VAEConfig
from bvae_rl.sb3.extractor import refuse_actor_only
from bvae_rl.sb3.policy_encoder import Mode, PolicyEncoder


class BetaVAECombinedExtractor(BaseFeaturesExtractor):
    """Features (B, F) of a Dict observation, key by key in the order of the space.

    Every picture (a Box of three dimensions) becomes the posterior means of its frames, all by one
    encoder in one pass; every other key is flattened, discrete ones as one-hot vectors. Arguments
    and errors are those of ``BetaVAEExtractor``.
    """

    def __init__(
        self,
        observation_space: gym.Space[Any],
        *,
        config: Mapping[str, Any],
        checkpoint: str | None = None,
        latents: str = "all",
        mode: Mode = "frozen",
        standardise: bool = False,
        step_size: float = 1.0,
    ) -> None:
        vae_config = VAEConfig.from_dict(config)
        layouts = image_layouts(observation_space, shape=vae_config.shape)
        assert isinstance(observation_space, gym.spaces.Dict)
        columns = vae_config.slice_of(latents)
        width = columns.stop - columns.start
        widths = {
            key: layouts[key].stack * width if key in layouts else get_flattened_obs_dim(space)
            for key, space in observation_space.spaces.items()
        }
        super().__init__(observation_space, sum(widths.values()))
        refuse_actor_only(mode)
        self.layouts = layouts
        self._widths = widths
        self._scaled = {key: is_image_space(observation_space[key]) for key in layouts}
        self.encoder = PolicyEncoder(
            config, checkpoint=checkpoint, latents=latents, mode=mode,
            standardise=standardise, step_size=step_size,
        )  # fmt: skip

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Observations {key: (B, *shape)} as SB3 hands them over -> features (B, F)."""
        x = {
            key: layout.x(observations[key], scaled=self._scaled[key])  # (B * stack, C, H, W)
            for key, layout in self.layouts.items()
        }
        codes = self.encoder(torch.cat(list(x.values()))).split(
            [part.shape[0] for part in x.values()]
        )
        features = dict(zip(x, codes, strict=True))
        return torch.cat(
            [
                features.get(key, observations[key]).reshape(-1, width)
                for key, width in self._widths.items()
            ],
            dim=1,
        )
