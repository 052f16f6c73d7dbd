"""Encode once: a vectorised environment whose observations are latents.

For a frozen encoder this is what SB3's maintainers advise (SB3 issue 409): one pass per environment
step instead of one per gradient step, and a replay buffer of latents instead of pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import (
    VecEnv,
    VecEnvWrapper,
    VecFrameStack,
    unwrap_vec_wrapper,
)
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from bvae_rl.data.frame_layout import FrameLayout, picture_layouts
from bvae_rl.models.hub import VAE, find_vae
from bvae_rl.models.scaling import Encoder, scaling
from bvae_rl.models.vae import BetaVAE, ChannelOrder, check_channel_order
from bvae_rl.models.vae_config import ALL, AUTO
from bvae_rl.sb3.codes import CodeMaker, Codes, rename
from bvae_rl.sb3.goals import Goals, Reward
from bvae_rl.sb3.own_encoder import checked_codes
from bvae_rl.sb3.taken import find_encoder

__all__ = ["Encoder", "LatentVecEnv"]

Observations = Any  # an array (B, *shape), or a dict of such, as the space of the environment says


class LatentVecEnv(VecEnvWrapper):
    """``venv`` seen through ``vae``: pictures are codes, Box(-inf, inf, (stack * D,), float32).

    In a Dict observation every picture (a Box of three dimensions) becomes a code under its own key
    and all else stays, for "MultiInputPolicy". A stack of n frames gives n codes, the oldest first.
    Everything of a step, the ``terminal_observation`` of environments that ended too, is encoded in
    one pass. Float pictures are rounded to 256 levels first. Give the policy the ``net_arch`` of
    what it is compared with: SB3's own default depends on the extractor.

    ``venv``: vectorised environment of pictures, or of Dict observations with pictures.
    ``vae``: a ``BetaVAE``, a folder, a shipped VAE's name or ``owner/name`` on the Hub; or another
    ``Encoder``, such as PCA.
    ``latents``: "all", a group's name, or "auto": "content" if there is such a group, else all.
    ``standardise``: give (mu - mean) / std by the statistics of pretraining (``scaling.py``).
    ``channel_order``: what ``venv`` shows, which spaces cannot tell.
    ``reward``: "environment", or "latent_distance": minus the Euclidean distance of the codes of
    ``achieved_goal`` and ``desired_goal``, also where ``HerReplayBuffer`` relabels (``goals.py``).

    ``raw`` holds the newest observations of ``venv``, None before the first reset; where the
    encoder has moved, ``encode(raw)`` encodes them anew. ``layouts`` says how each picture is held,
    by its key; the key is None where the observation is one picture. ``codes`` names encoder,
    latents and scaling, and so does the observation space: SB3 refuses to load an agent over codes
    of another name (``codes.py``).

    Raises TypeError or ValueError for observations other than the pictures that ``vae`` was trained
    on, a Dict without a picture, another channel order, and a VAE without usable statistics (give
    ``standardise=False``); ``reset`` and ``step`` a ValueError where the encoder has moved since
    ``codes`` was named, or gives NaN or another width.
    """

    def __init__(
        self,
        venv: VecEnv,
        vae: VAE | Encoder,
        *,
        latents: str = "auto",
        standardise: bool = True,
        channel_order: ChannelOrder = "RGB",
        reward: Reward = "environment",
    ) -> None:
        if not isinstance(venv, VecEnv):
            raise TypeError(
                f"LatentVecEnv wraps a VecEnv, got {type(venv).__name__}; make one with "
                "stable_baselines3.common.env_util.make_vec_env"
            )
        # of a VAE that was given by its name: that, and where it was found
        self.source = str(vae) if isinstance(vae, str | Path) else None
        self.folder = find_vae(vae) if isinstance(vae, str | Path) else None
        vae = find_encoder(self.folder or vae)
        if isinstance(vae, BetaVAE):
            check_channel_order(vae.config, channel_order)
            latents = vae.config.choice(latents)
        self.vae, self.standardise = vae, standardise
        self.latents = ALL if latents == AUTO else latents
        self.layouts = picture_layouts(venv.observation_space, shape=vae.shape)
        _refuse_mixed_channels(venv, self.layouts, vae.shape[0])
        self.raw: Observations | None = None
        self._columns = vae.slice_of(self.latents)
        self._width = self._columns.stop - self._columns.start
        self._scaling = [part[self._columns] for part in scaling(vae)] if standardise else None
        maker = CodeMaker(vae, self._columns, self._scaling)
        self._makers = dict.fromkeys(self.layouts, maker)  # of each picture's codes
        self._first_codes = self.codes
        made_by = self.made_by()
        codes = {
            key: Codes(layout.stack * self._width, codes=self._makers[key].codes, made_by=made_by)
            for key, layout in self.layouts.items()
        }
        super().__init__(venv, _with_codes(venv.observation_space, codes))
        self._goals = Goals(self.layouts, reward)

    @property
    def codes(self) -> str:
        """The name of encoder, latents and scaling: equal codes, equal names."""
        return ", ".join(dict.fromkeys(maker.codes for maker in self._makers.values()))

    def made_by(self) -> str:
        """The line that makes such an environment, for messages."""
        vae = f"<{type(self.vae).__name__}>" if self.source is None else repr(self.source)
        if self.source is None and self.moved:
            vae = "online.save_vae(folder)"
        options = f"latents={self.latents!r}, standardise={self.standardise}"
        return f"LatentVecEnv(venv, {vae}, {options})"

    @property
    def moved(self) -> bool:
        """Whether the encoder's weights are no longer those that it was made with."""
        return self.codes != self._first_codes or self._moved_unnamed

    @property
    def _moved_unnamed(self) -> bool:
        return any(maker.moved for maker in set(self._makers.values()))

    def renew(self, folder: Path | None) -> None:
        """The encoder has moved on purpose: name the codes anew, in the observation space too.

        An agent on the earlier codes does not know them; ``OnlineBetaVAE`` calls this for those
        that it trains with. ``folder``: where the encoder is to be found now, if anywhere.
        """
        for maker in set(self._makers.values()):
            maker.renew()
        self.folder = folder
        self.source = None if folder is None else str(folder)
        self.rename(self.observation_space)

    def rename(self, space: gym.Space[Any]) -> None:
        """Let ``space``, an agent's on these codes, name them as they are now."""
        names = {key: maker.codes for key, maker in self._makers.items()}
        rename(space, names, self.made_by())

    def refuse_moved(self) -> None:
        """Raise a ValueError if the encoder has moved since its codes were named."""
        if self._moved_unnamed:
            raise ValueError(
                f"the encoder of this LatentVecEnv has moved since it was made, and agents and "
                f"replay buffers on its earlier codes ({self.codes}) do not fit the new ones; make "
                "a new LatentVecEnv and train anew on it, or, where OnlineBetaVAE moves it, name "
                "this environment in eval_envs"
            )

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **named: Any
    ) -> list[Any]:
        """As below, save for rewards of goals that are codes: ``goals.py``."""
        if method_name == "compute_reward" and self._goals.are_codes:
            rewards = self._goals.compute_reward(*method_args[:2])
            return [rewards for _ in self._get_indices(indices)]
        return self.venv.env_method(method_name, *method_args, indices=indices, **named)

    def reset(self) -> Observations:
        """Codes (n_envs, stack * D), or a dict with such in it."""
        self.refuse_moved()
        self.raw = self.venv.reset()
        self.reset_infos = self.venv.unwrapped.reset_infos
        return self.encode(self.raw)

    def step_wait(self) -> VecEnvStepReturn:
        """Codes, rewards, dones, infos; one encoder pass, terminal observations included."""
        self.refuse_moved()
        self.raw, rewards, dones, infos = self.venv.step_wait()
        if not dones.any():
            codes = self.encode(self.raw)
            return codes, self._goals.rewards(codes, rewards, infos), dones, infos
        ended = [i for i in np.flatnonzero(dones) if "terminal_observation" in infos[i]]
        last = [_map(lambda part: part[None], infos[i]["terminal_observation"]) for i in ended]
        codes, *last_codes = self._encode([self.raw, *last])
        for i, code in zip(ended, last_codes, strict=True):
            infos[i]["terminal_observation"] = _map(lambda part: part[0], code)
        # the environments below replace theirs at every reset; wrappers keep an empty one
        self.reset_infos = self.venv.unwrapped.reset_infos
        return codes, self._goals.rewards(codes, rewards, infos), dones, infos

    def encode(self, observations: Observations) -> Observations:
        """Observations of ``venv``, B of them, as this environment shows them, in one pass."""
        return self._encode([observations])[0]

    def _encode(self, batches: Sequence[Observations]) -> list[Observations]:
        pictures = [
            layout.all_frames(batch if key is None else batch[key])
            for batch in batches
            for key, layout in self.layouts.items()
        ]
        frames = pictures[0] if len(pictures) == 1 else np.concatenate(pictures)
        codes = checked_codes(self.vae.encode_frames(frames), self.vae.latent_dim)
        codes = codes[:, self._columns]
        if self._scaling is not None:
            mean, scale = self._scaling
            codes = (codes - mean) / scale
        codes = np.ascontiguousarray(codes, dtype=np.float32)
        stops = [0, *accumulate(map(len, pictures))]
        parts = (codes[first:stop] for first, stop in pairwise(stops))
        return [
            _with_codes(
                batch,
                {
                    key: next(parts).reshape(-1, layout.stack * self._width)
                    for key, layout in self.layouts.items()
                },
            )
            for batch in batches
        ]


def _refuse_mixed_channels(venv: VecEnv, layouts: Mapping[Any, FrameLayout], channels: int) -> None:
    """Raise a ValueError where a stack of frames of another depth only adds up to ``channels``.

    Three frames of four channels are as many as four frames of three, so that a space cannot tell
    them apart; the ``VecFrameStack`` that made the stack can.
    """
    stacker = unwrap_vec_wrapper(venv, VecFrameStack)
    n = 1 if stacker is None else stacker.stacked_obs.n_stack
    for layout in layouts.values():
        if layout.stack % n:
            raise ValueError(
                f"{n} frames are stacked of {layout.stack * channels // n} channels each, and the "
                f"encoder takes {channels}; convert the frames before they are stacked"
            )


def _with_codes(whole: Any, codes: Mapping[str | None, Any]) -> Any:
    """``whole`` (a space or an observation) with the codes in place of the pictures."""
    if None in codes:
        return codes[None]
    if isinstance(whole, gym.spaces.Dict):
        return gym.spaces.Dict([(key, codes.get(key, whole[key])) for key in whole.spaces])
    return {key: codes.get(key, value) for key, value in whole.items()}


def _map(change: Callable[[Any], Any], observation: Observations) -> Observations:
    """``change`` applied to an observation, or to each entry of a dict of them."""
    if isinstance(observation, dict):
        return {key: change(np.asarray(value)) for key, value in observation.items()}
    return change(observation)
