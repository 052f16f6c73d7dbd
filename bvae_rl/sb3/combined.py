"""Dict observations: pictures through the Beta-VAE's encoder, vectors as they are.

kwargs = policy_kwargs("runs/vae", extractor=BetaVAECombinedExtractor)
model = SAC("MultiInputPolicy", env, policy_kwargs=kwargs)
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from bvae_rl.sb3.extractor import BetaVAEExtractor


class BetaVAECombinedExtractor(BetaVAEExtractor):
    """``BetaVAEExtractor`` for Dict observations; TypeError for any other."""

    def __init__(self, observation_space: gym.Space[Any], **settings: Any) -> None:
        if not isinstance(observation_space, gym.spaces.Dict):
            raise TypeError(
                f"expected a Dict observation space, got {observation_space}; use BetaVAEExtractor"
            )
        super().__init__(observation_space, **settings)
