"""A pretrained Beta-VAE encoder as the features extractor of a Stable-Baselines3 policy.

    model = PPO("CnnPolicy", env, policy_kwargs=policy_kwargs("runs/vae"))

Only the encoder is held, never the decoder. Its weights are saved in ``model.zip``, which loads
where the VAE's folder is missing. Who may move them is ``mode``: see ``policy_encoder.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

from bvae_rl.data.frame_layout import FrameLayout
from bvae_rl.models.hub import vae_folder
from bvae_rl.models.scaling import scaling
from bvae_rl.models.vae import BetaVAE, ChannelOrder, VAEConfig, check_channel_order
from bvae_rl.sb3.policy_encoder import Mode, PolicyEncoder, check_mode

DEFAULT_NET_ARCH = (256, 256)


class BetaVAEExtractor(BaseFeaturesExtractor):
    """Posterior means (B, stack * D) of an image observation.

    ``config`` is ``VAEConfig.to_dict()``; ``checkpoint`` is a VAE's folder; ``latents`` chooses the
    columns, "all" or a group. ``standardise`` gives (mu - mean) / std as ``LatentVecEnv`` does.
    ``mode`` is "frozen", "policy" (the RL loss moves the encoder too, at ``step_size`` times the
    learning rate) or "online" (``OnlineBetaVAE`` does). A stack of n frames gives n codes, the
    oldest first. If ``checkpoint`` cannot be used (as on another machine), ``forward`` raises until
    a state dict with weights, such as the one in ``model.zip``, has been loaded.

    Raises TypeError or ValueError for an observation space other than the pictures that the VAE was
    trained on, and for mode "policy" where only the actor's loss would reach the encoder.
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
        layout = FrameLayout.of(observation_space, shape=vae_config.shape)
        columns = vae_config.slice_of(latents)
        super().__init__(observation_space, layout.stack * (columns.stop - columns.start))
        refuse_actor_only(mode)
        self.layout = layout
        # SB3 divides these spaces by 255 itself, and only these
        self._scaled = is_image_space(observation_space)
        self.encoder = PolicyEncoder(
            config, checkpoint=checkpoint, latents=latents, mode=mode,
            standardise=standardise, step_size=step_size,
        )  # fmt: skip

    def forward(self, observations: Tensor) -> Tensor:
        """Observations (B, *space.shape) as SB3 hands them over -> features (B, stack * D).

        Raises ValueError for values outside [0, 1], NaN included, and while there are no weights.
        """
        x = self.layout.x(observations, scaled=self._scaled)  # (B * stack, C, H, W)
        return self.encoder(x).reshape(-1, self.features_dim)


def policy_kwargs(
    checkpoint: str | Path,
    *,
    latents: str = "all",
    mode: Mode = "frozen",
    standardise: bool = False,
    step_size: float = 1.0,
    net_arch: Sequence[int] | Mapping[str, Sequence[int]] = DEFAULT_NET_ARCH,
    extractor: type[BaseFeaturesExtractor] = BetaVAEExtractor,
    channel_order: ChannelOrder = "RGB",
) -> dict[str, Any]:
    """The ``policy_kwargs`` that plug the VAE saved at ``checkpoint`` into any SB3 algorithm.

    ``checkpoint`` is a folder or the name of a shipped one ("reach_pairs").
    ``latents``, ``mode``, ``standardise`` and ``step_size`` are those of ``BetaVAEExtractor``;
    ``extractor=BetaVAECombinedExtractor`` takes Dict observations. ``net_arch`` is always explicit,
    because SB3's own default depends on the class of the extractor; (256, 256) is what it gives
    SAC, and the forms that the algorithm knows (``{"pi": ..., "vf": ...}``, ``{"pi": ..., "qf":
    ...}``) are handed on. Give a rival (NatureCNN) the same. ``channel_order`` is what your
    environment shows; spaces cannot tell. Raises ValueError for a missing or damaged checkpoint,
    one of another channel order, and settings that do not go together.
    """
    folder = vae_folder(checkpoint)
    vae = BetaVAE.load(folder)
    check_channel_order(vae.config, channel_order)
    check_mode(mode, step_size=step_size)
    vae.config.slice_of(latents)  # raises for an unknown group
    if standardise:
        scaling(vae)  # raises without usable statistics
    return {
        "features_extractor_class": extractor,
        "features_extractor_kwargs": {
            "config": vae.config.to_dict(),
            "checkpoint": str(folder),
            "latents": latents,
            "mode": mode,
            "standardise": standardise,
            "step_size": step_size,
        },
        "net_arch": (
            {name: list(widths) for name, widths in net_arch.items()}
            if isinstance(net_arch, Mapping)
            else list(net_arch)
        ),
    }


def refuse_actor_only(mode: Mode) -> None:
    """Raise a ValueError where the extractor being built would learn from the actor's loss only.

    SAC, TD3 and DDPG with ``share_features_extractor=True`` block the critic's gradient. The policy
    that is building the extractor does not tell it, so it is looked up among the callers.
    """
    frame = sys._getframe() if mode == "policy" else None
    while frame is not None:
        owner = frame.f_locals.get("self")
        off_policy = isinstance(owner, BasePolicy) and hasattr(owner, "make_critic")
        if off_policy and getattr(owner, "share_features_extractor", False):
            raise ValueError(
                f"{type(owner).__name__} with share_features_extractor=True trains the encoder by "
                "the actor's loss alone; leave it False with mode='policy', or use mode='online'"
            )
        frame = frame.f_back
