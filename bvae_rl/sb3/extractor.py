"""A pretrained Beta-VAE encoder as the features extractor of a Stable-Baselines3 policy.

    model = PPO("CnnPolicy", env, policy_kwargs=policy_kwargs("runs/vae"))

Only the encoder is held, never the decoder. Its weights are saved in ``model.zip``, which loads
where the VAE's folder is missing. Who may move them is ``mode``: see ``policy_encoder.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch
from stable_baselines3.common.preprocessing import get_flattened_obs_dim, is_image_space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

from bvae_rl.data.frame_layout import FrameLayout
from bvae_rl.models.hub import VAE, find_vae
from bvae_rl.models.scaling import Encoder, scaling
from bvae_rl.models.vae import BetaVAE, ChannelOrder, check_channel_order
from bvae_rl.sb3.encoder_weights import EncoderWeights
from bvae_rl.sb3.own_encoder import HeldEncoder, PackedEncoder
from bvae_rl.sb3.policy_encoder import Mode, PolicyEncoder, check_mode
from bvae_rl.sb3.taken import TakenEncoder, find_encoder

DEFAULT_NET_ARCH = (256, 256)


class BetaVAEExtractor(BaseFeaturesExtractor):
    """Features of an image observation: the posterior means (B, stack * D) of its frames.

    ``policy_kwargs`` makes the arguments. A stack of n frames gives n codes, the oldest first.

    ``observation_space``: Box of a picture, as the policy sees it.
    ``config``: ``VAEConfig.to_dict()`` of the VAE.
    ``checkpoint``: the VAE's folder, or its weights in memory. Where it cannot be used (a folder
    that is on another machine), ``forward`` raises until a state dict with weights, such as the one
    in ``model.zip``, has been loaded.
    ``latents``, ``mode``, ``standardise``, ``step_size``: as in ``policy_kwargs``.
    ``own``: an encoder that is no VAE, instead of ``config`` and ``checkpoint``.

    A subclass may put a head of its own on ``super().forward(observations)`` and set
    ``_features_dim`` to its width; SB3 initialises and trains it like other layers of the policy.

    Raises TypeError or ValueError for an observation space other than the pictures that the VAE was
    trained on.
    """

    def __init__(
        self,
        observation_space: gym.Space[Any],
        *,
        config: Mapping[str, Any] | None = None,
        checkpoint: str | EncoderWeights | None = None,
        own: PackedEncoder | None = None,
        latents: str = "auto",
        mode: Mode = "frozen",
        standardise: bool = True,
        step_size: float = 1.0,
    ) -> None:
        encoder: PolicyEncoder | HeldEncoder
        if own is not None:
            encoder = HeldEncoder(own, latents=latents, standardise=standardise)
        elif config is not None:
            encoder = PolicyEncoder(
                config, checkpoint=checkpoint, latents=latents, mode=mode,
                standardise=standardise, step_size=step_size,
            )  # fmt: skip
        else:
            raise TypeError("an extractor needs the config of a VAE: build it with policy_kwargs")
        layouts = self._layouts_of(observation_space, shape=encoder.shape)
        spaces = _parts(observation_space)
        widths = {
            key: layouts[key].stack * encoder.latent_dim
            if key in layouts
            else get_flattened_obs_dim(space)
            for key, space in spaces.items()
        }
        super().__init__(observation_space, sum(widths.values()))
        self.layouts, self._widths, self.encoder = layouts, widths, encoder
        # SB3 divides these spaces by 255 itself, and only these
        self._scaled = {key: is_image_space(spaces[key]) for key in layouts}

    def forward(self, observations: Any) -> Tensor:
        """Observations (B, *space.shape), or a dict of them, as SB3 gives them -> features (B, F).

        Raises ValueError for pixels outside [0, 1], NaN included, and while there are no weights.
        """
        parts = _parts(observations)
        x = [
            layout.x(parts[key], scaled=self._scaled[key])  # (B * stack, C, H, W)
            for key, layout in self.layouts.items()
        ]
        if len(self._widths) == 1:
            return self.encoder(x[0]).reshape(-1, *self._widths.values())
        codes = self.encoder(torch.cat(x)).split([frames.shape[0] for frames in x])
        features = dict(zip(self.layouts, codes, strict=True))
        return torch.cat(
            [
                features.get(key, parts[key]).reshape(-1, width)
                for key, width in self._widths.items()
            ],
            dim=1,
        )

    @staticmethod
    def _layouts_of(
        space: gym.Space[Any], *, shape: tuple[int, int, int]
    ) -> Mapping[Any, FrameLayout]:
        """The layout of each picture in ``space``, by its key."""
        return {None: FrameLayout.of(space, shape=shape)}


def policy_kwargs(
    vae: VAE | Encoder,
    *,
    latents: str = "auto",
    mode: Mode = "frozen",
    standardise: bool = True,
    step_size: float = 1.0,
    net_arch: Sequence[int] | Mapping[str, Sequence[int]] = DEFAULT_NET_ARCH,
    extractor: type[BaseFeaturesExtractor] = BetaVAEExtractor,
    channel_order: ChannelOrder = "RGB",
) -> dict[str, Any]:
    """The ``policy_kwargs`` that plug a VAE into any SB3 algorithm with an image policy.

    ``vae``: a ``BetaVAE``, a folder, a shipped VAE's name or ``owner/name`` on the Hub. Of a folder
    the path is kept, of a ``BetaVAE`` a copy of its encoder as it is now. Also what
    ``take_encoder`` gave, or its folder, and, in mode "frozen", any other ``Encoder``, such as
    ``OwnEncoder(module, shape=..., width=...)``.
    ``latents``: which the policy sees: "all", a group's name, or "auto": "content" if the VAE has
    such a group, else all.
    ``mode``: "frozen", "policy" (the RL loss trains the encoder too) or "online"
    (``OnlineBetaVAE`` trains it). "policy" does not go with ``share_features_extractor=True`` in
    SAC, TD3 and DDPG, which is refused: the actor's loss alone would train the encoder.
    ``standardise``: give (mu - mean) / std by the statistics of pretraining (``scaling.py``).
    ``step_size``: of the encoder in mode "policy", > 0, times the algorithm's learning rate.
    ``net_arch``: widths of the heads; also by part, as the algorithm knows them: ``{"pi": ...,
    "vf": ...}`` or ``{"pi": ..., "qf": ...}``. SB3's own default depends on the extractor's class:
    PPO, A2C and DQN give NatureCNN no hidden layer and any other extractor [64, 64]; TD3 gives
    [256, 256] or [400, 300]; SAC always [256, 256]. So it is always set here; to compare with
    NatureCNN, give that the same ``net_arch``.
    ``extractor``: ``BetaVAECombinedExtractor`` for Dict observations and "MultiInputPolicy".
    ``channel_order``: what the environment shows, which spaces cannot tell.

    Raises ValueError where there is no intact VAE, for one without statistics (give
    ``standardise=False``) or of another channel order, and for settings that do not go together.
    """
    vae = find_vae(vae) if isinstance(vae, str | Path) else vae
    encoder = find_encoder(vae)
    check_mode(mode, step_size=step_size)
    if standardise:
        scaling(encoder)  # raises without usable statistics
    if isinstance(encoder, BetaVAE):
        check_channel_order(encoder.config, channel_order)
        made_of: dict[str, Any] = {
            "config": encoder.config.to_dict(),
            "checkpoint": checkpoint_of(vae, encoder, standardise=standardise),
            "latents": encoder.config.choice(latents),
        }
    else:
        if mode != "frozen":
            raise ValueError(
                f"an encoder of your own is frozen, got mode={mode!r}; to let the RL loss train "
                "it, give SB3 a features extractor that holds it"
            )
        encoder.slice_of("all" if latents == "auto" else latents)  # raises for an unknown group
        made_of = {"own": PackedEncoder.of(encoder), "latents": latents}
    return {
        "features_extractor_class": extractor,
        "features_extractor_kwargs": {
            **made_of,
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


def checkpoint_of(
    vae: VAE | Encoder, encoder: BetaVAE, *, standardise: bool
) -> str | EncoderWeights:
    """What an extractor keeps of ``encoder``, read from ``vae``: the folder, or weights."""
    if isinstance(vae, str | Path) and not isinstance(encoder, TakenEncoder):
        return str(vae)
    return EncoderWeights.of(encoder, standardise=standardise)


def _parts(whole: Any) -> Mapping[Any, Any]:
    """A Dict space or a dict of observations by key; anything else under the key None."""
    if isinstance(whole, gym.spaces.Dict):
        return whole.spaces
    return whole if isinstance(whole, dict) else {None: whole}
