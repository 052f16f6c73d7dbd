"""A pretrained Beta-VAE encoder as the features extractor of a Stable-Baselines3 policy.

    model = PPO("CnnPolicy", env, policy_kwargs=policy_kwargs("runs/vae"))

Only the encoder is held, never the decoder. Its weights are saved in ``model.zip``, which loads
where the VAE's folder is missing. Who may move them is ``mode``: see ``policy_encoder.py``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.preprocessing import get_flattened_obs_dim, is_image_space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

from bvae_rl.data.pictures.layouts import Wanted, left_out, picture_layouts
from bvae_rl.models.hub import VAE, find_vae
from bvae_rl.models.scaling import Encoder, scaling
from bvae_rl.models.vae import BetaVAE, ChannelOrder, check_channel_order
from bvae_rl.runtime.whole import is_whole
from bvae_rl.sb3.codes import code_spaces
from bvae_rl.sb3.encoder_weights import EncoderWeights
from bvae_rl.sb3.own_encoder import HeldEncoder, PackedEncoder
from bvae_rl.sb3.picture_names import module_name, named_modules
from bvae_rl.sb3.policy_encoder import Mode, PolicyEncoder, check_mode
from bvae_rl.sb3.taken import TakenEncoder, find_encoder

DEFAULT_NET_ARCH = (256, 256)
MUCH = 4  # times as many values in a picture as in a frame, before that is said

logger = logging.getLogger(__name__)


class BetaVAEExtractor(BaseFeaturesExtractor):
    """Features of an image observation: the posterior means (B, stack * D) of its frames.

    ``policy_kwargs`` makes the arguments. A stack of n frames gives n codes, the oldest first.

    ``observation_space``: Box of a picture, as the policy sees it; or a Dict, of which every
    picture becomes posterior means and every other part is flattened, discrete ones as one-hot
    vectors, key by key in the order of the space.
    ``config``: ``VAEConfig.to_dict()`` of the VAE.
    ``checkpoint``: the VAE's folder, or its weights in memory. Where it cannot be used (a folder
    that is on another machine), ``forward`` raises until a state dict with weights, such as the one
    in ``model.zip``, has been loaded.
    ``latents``, ``mode``, ``standardise``, ``step_size``, ``stacked``, ``keys``: as in
    ``policy_kwargs``; ``stacked`` None, as in policies that were saved without it: as many frames
    as fit.
    ``encoders``: instead of ``config``, ``checkpoint`` and ``latents``: those of each picture of a
    Dict, by its key.
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
        stacked: int | Mapping[str, int] | None = None,
        keys: Sequence[str] | None = None,
        encoders: Mapping[str, Mapping[str, Any]] | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            raise TypeError(
                f"BetaVAEExtractor has no argument {', '.join(unknown)}: bvae_rl.policy_kwargs "
                "makes its arguments, PPO('CnnPolicy', env, policy_kwargs=policy_kwargs('runs/vae'"
                "))"
            )
        if code_spaces(observation_space):
            raise ValueError(
                "LatentVecEnv has encoded these observations already; leave policy_kwargs out (and "
                "give net_arch as policy_kwargs={'net_arch': [256, 256]})"
            )
        one = {"config": config, "checkpoint": checkpoint, "latents": latents, "own": own}
        each: Mapping[Any, Any] = {None: one} if encoders is None else encoders
        made = {
            key: _built(mode=mode, standardise=standardise, step_size=step_size, **settings)
            for key, settings in each.items()
        }
        wanted = {key: Wanted.of(getattr(one, "held", one)) for key, one in made.items()}
        layouts = picture_layouts(
            observation_space, wanted if encoders else wanted[None], stacked=stacked, keys=keys
        )
        spaces = _parts(observation_space)
        dropped = left_out(observation_space, layouts)
        widths = {
            key: layouts[key].stack * (made.get(key) or made[None]).latent_dim
            if key in layouts
            else get_flattened_obs_dim(space)
            for key, space in spaces.items()
            if key not in dropped
        }
        super().__init__(observation_space, sum(widths.values()))
        self.layouts, self._widths = layouts, widths
        if encoders is None:
            self.encoder = made[None]
        else:
            self.encoders = named_modules(made)
            self._names = {key: module_name(key) for key in made}  # not anew in each forward
        for layout in layouts.values():
            if layout.native is not None and np.prod(layout.native) > MUCH * np.prod(layout.shape):
                _say_that_it_is_slow(layout.native, layout.shape)
        # SB3 divides these spaces by 255 itself, and only these
        self._scaled = {key: is_image_space(spaces[key]) for key in layouts}

    def forward(self, observations: Any) -> Tensor:
        """Observations (B, *space.shape), or a dict of them, as SB3 gives them -> features (B, F).

        Raises ValueError for pixels outside [0, 1], NaN included, and while there are no weights.
        """
        parts = _parts(observations)
        x = {
            key: layout.x(parts[key], scaled=self._scaled[key])  # (B * stack, C, H, W)
            for key, layout in self.layouts.items()
        }
        features = {**parts, **self._codes(x)}
        rows = next(iter(parts.values())).shape[0]
        return torch.cat(
            [features[key].reshape(rows, width) for key, width in self._widths.items()], dim=1
        )

    def _codes(self, x: Mapping[Any, Tensor]) -> dict[Any, Tensor]:
        """The codes of each picture; one pass where one encoder has them all."""
        if "encoder" not in self._modules:
            return {key: self.encoders[self._names[key]](frames) for key, frames in x.items()}
        if len(x) == 1:
            return {key: self.encoder(frames) for key, frames in x.items()}
        codes = self.encoder(torch.cat(list(x.values())))
        return dict(zip(x, codes.split([frames.shape[0] for frames in x.values()]), strict=True))


def policy_kwargs(
    vae: VAE | Encoder | Mapping[str, VAE | Encoder],
    *,
    latents: str = "auto",
    mode: Mode = "frozen",
    standardise: bool = True,
    step_size: float = 1.0,
    net_arch: Sequence[int] | Mapping[str, Sequence[int]] = DEFAULT_NET_ARCH,
    extractor: type[BaseFeaturesExtractor] = BetaVAEExtractor,
    channel_order: ChannelOrder = "RGB",
    stacked: int | Mapping[str, int] = 1,
    keys: Sequence[str] | None = None,
) -> dict[str, Any]:
    """The ``policy_kwargs`` that plug a VAE into any SB3 algorithm with an image policy.

    ``vae``: a ``BetaVAE``, a folder, a shipped VAE's name or ``owner/name`` on the Hub. Of a folder
    the path is kept, of a ``BetaVAE`` a copy of its encoder as it is now. Also what
    ``take_encoder`` gave, or its folder, and, in mode "frozen", any other ``Encoder``, such as
    ``OwnEncoder(module, shape=..., width=...)``. Or one for each picture
    of a Dict observation, by its key.
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
    ``extractor``: a subclass of ``BetaVAEExtractor``.
    ``channel_order``: what the environment shows, which spaces cannot tell.
    ``stacked``: how many frames an observation holds among its channels, as after
    ``VecFrameStack(venv, 4)``; of a Dict also by key, 1 for the others. A stack in four dimensions
    says it itself.
    ``keys``: the pictures of a Dict observation to encode; by default all. Others are left out.

    Raises ValueError where there is no intact VAE, for one without statistics (give
    ``standardise=False``) or of another channel order, and for settings that do not go together.
    """
    check_mode(mode, step_size=step_size)
    counts = stacked.values() if isinstance(stacked, Mapping) else [stacked]
    if not all(is_whole(count) and count >= 1 for count in counts):
        raise ValueError(f"stacked must be a whole number, at least 1, got {stacked!r}")
    if isinstance(net_arch, int) or isinstance(keys, str):
        raise TypeError(
            f"net_arch and keys are lists, got {net_arch!r} and {keys!r}; write net_arch=[256, 256]"
            " and keys=['front']"
        )
    if isinstance(vae, Mapping) and not vae:
        raise ValueError("policy_kwargs got no VAE: give one, or {key: vae} for each picture")
    each = {
        key: _described(one, latents, mode, standardise, channel_order)
        for key, one in (vae if isinstance(vae, Mapping) else {None: vae}).items()
    }
    return {
        "features_extractor_class": extractor,
        "features_extractor_kwargs": {
            **each.get(None, {"encoders": each}),
            "mode": mode,
            "standardise": standardise,
            "step_size": step_size,
            "stacked": dict(stacked) if isinstance(stacked, Mapping) else stacked,
            **({} if keys is None else {"keys": list(keys)}),
        },
        "net_arch": (
            {name: list(widths) for name, widths in net_arch.items()}
            if isinstance(net_arch, Mapping)
            else list(net_arch)
        ),
    }


def _built(
    *,
    config: Mapping[str, Any] | None = None,
    own: PackedEncoder | None = None,
    checkpoint: str | EncoderWeights | None = None,
    latents: str = "auto",
    mode: Mode,
    standardise: bool,
    step_size: float,
) -> PolicyEncoder | HeldEncoder:
    """The encoder that ``_described`` says."""
    if own is not None:
        return HeldEncoder(own, latents=latents, standardise=standardise)
    if config is None:
        raise TypeError(
            "BetaVAEExtractor needs the config of a VAE, which bvae_rl.policy_kwargs gives it: "
            "PPO('CnnPolicy', env, policy_kwargs=policy_kwargs('runs/vae'))"
        )
    return PolicyEncoder(
        config, checkpoint=checkpoint, latents=latents, mode=mode, standardise=standardise,
        step_size=step_size,
    )  # fmt: skip


def _described(
    vae: VAE | Encoder, latents: str, mode: Mode, standardise: bool, channel_order: ChannelOrder
) -> dict[str, Any]:
    """What an extractor needs to know of an encoder, as plain values."""
    vae = find_vae(vae) if isinstance(vae, str | Path) else vae
    encoder = find_encoder(vae)
    if standardise:
        scaling(encoder)  # raises without usable statistics
    if isinstance(encoder, BetaVAE):
        check_channel_order(encoder.config, channel_order)
        return {
            "config": encoder.config.to_dict(),
            "checkpoint": checkpoint_of(vae, encoder, standardise=standardise),
            "latents": encoder.config.choice(latents),
        }
    if mode != "frozen":
        raise ValueError(
            f"an encoder of your own is frozen, got mode={mode!r}; to let the RL loss train it, "
            "give SB3 a features extractor that holds it"
        )
    encoder.slice_of("all" if latents == "auto" else latents)  # raises for an unknown group
    return {"own": PackedEncoder.of(encoder), "latents": latents}


def checkpoint_of(
    vae: VAE | Encoder, encoder: BetaVAE, *, standardise: bool
) -> str | EncoderWeights:
    """What an extractor keeps of ``encoder``, read from ``vae``: the folder, or weights."""
    if isinstance(vae, str | Path) and not isinstance(encoder, TakenEncoder):
        return str(vae)
    return EncoderWeights.of(encoder, standardise=standardise)


@cache
def _say_that_it_is_slow(native: tuple[int, int, int], shape: tuple[int, int, int]) -> None:
    """Once, however many copies a policy has."""
    logger.warning(
        "every pass of this policy makes pictures of %s into frames of %s, and its buffers hold "
        "the pictures; give it frames: bvae_rl.framed(env), or LatentVecEnv(venv, vae)",
        "x".join(map(str, native[1:])), "x".join(map(str, shape[1:])),
    )  # fmt: skip


def _parts(whole: Any) -> Mapping[Any, Any]:
    """A Dict space or a dict of observations by key; anything else under the key None."""
    if isinstance(whole, gym.spaces.Dict):
        return whole.spaces
    return whole if isinstance(whole, dict) else {None: whole}
