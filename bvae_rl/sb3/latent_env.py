"""Encode once: a vectorised environment whose observations are latents.

For a frozen encoder this is what SB3's maintainers advise (SB3 issue 409): one pass per environment
step instead of one per gradient step, and a replay buffer of latents instead of pictures.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn
from stable_baselines3.common.vec_env.stacked_observations import StackedObservations

from bvae_rl.data.pictures.layouts import Wanted, left_out, picture_layouts, stacked_in
from bvae_rl.models.hub import VAE, find_vae
from bvae_rl.models.scaling import Encoder
from bvae_rl.models.vae import BetaVAE, ChannelOrder, check_channel_order
from bvae_rl.models.vae_config import ALL, AUTO
from bvae_rl.sb3.coder import Coder, grouped, loaded, mapped, shown_as
from bvae_rl.sb3.codes import CodeMaker, Codes, rename
from bvae_rl.sb3.goals import Goals, Reward

__all__ = ["Encoder", "LatentVecEnv"]

Observations = Any  # an array (B, *shape), or a dict of such, as the space of the environment says


class LatentVecEnv(VecEnvWrapper):
    """``venv`` seen through ``vae``: pictures are codes, Box(-inf, inf, (stack * D,), float32).

    In a Dict observation every picture becomes a code under its own key and all else stays, for
    "MultiInputPolicy". A stack of n frames gives n codes, the oldest first. Everything of a step,
    the ``terminal_observation`` of environments that ended too, is encoded in one pass. Float
    pictures are rounded to 256 levels first. Give the policy the ``net_arch`` of what it is
    compared with: SB3's own default depends on the extractor.

    ``venv``: vectorised environment of pictures, or of Dict observations with pictures.
    ``vae``: a ``BetaVAE``, a folder, a shipped VAE's name or ``owner/name`` on the Hub; what
    ``take_encoder`` gave; or another ``Encoder``, such as PCA or ``OwnEncoder(module, ...)``; or
    such for each picture of a Dict, by its key.
    ``latents``: "all", a group's name, or "auto": "content" if there is such a group, else all.
    ``standardise``: give (mu - mean) / std by the statistics of pretraining (``scaling.py``).
    ``channel_order``: what ``venv`` shows, which spaces cannot tell.
    ``frame_stack``: codes of the last n observations, the oldest first, of which each is encoded
    once; zeros before an episode's first. (``VecFrameStack`` below encodes each frame n times.)
    ``stacked``: how many frames an observation of ``venv`` holds among its channels, where no
    wrapper tells: ``VecFrameStack`` and ``FrameStackObservation`` do.
    ``keys``: the pictures of a Dict to encode; by default all. Others are left out.
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
        vae: VAE | Encoder | Mapping[str, VAE | Encoder],
        *,
        latents: str = "auto",
        standardise: bool = True,
        channel_order: ChannelOrder = "RGB",
        frame_stack: int = 1,
        stacked: int | Mapping[str, int] | None = None,
        keys: Collection[str] | None = None,
        reward: Reward = "environment",
    ) -> None:
        if not isinstance(venv, VecEnv):
            raise TypeError(
                f"LatentVecEnv wraps a VecEnv, got {type(venv).__name__}; make one with "
                "stable_baselines3.common.env_util.make_vec_env"
            )
        if frame_stack < 1:
            raise ValueError(f"frame_stack must be at least 1, got {frame_stack}")
        # of a VAE that was given by its name: that, and where it was found
        self.source = str(vae) if isinstance(vae, str | Path) else None
        self.folder = find_vae(vae) if isinstance(vae, str | Path) else None
        self.vae, each = loaded(self.folder or vae)
        given: dict[str, tuple[Any, Any]] = {
            "channel_order": (channel_order, "RGB"), "frame_stack": (frame_stack, 1),
            "stacked": (stacked, None), "keys": (keys, None), "reward": (reward, "environment"),
        }  # fmt: skip
        self._said = {name: v for name, (v, default) in given.items() if v != default}
        for one in each.values():
            if isinstance(one, BetaVAE):
                check_channel_order(one.config, channel_order)
                latents = one.config.choice(latents) if len(each) == 1 else latents
        self.standardise, self.frame_stack = standardise, frame_stack
        self.latents = ALL if latents == AUTO and len(each) == 1 else latents
        wanted = {key: Wanted.of(one) for key, one in each.items()}
        self.layouts = picture_layouts(
            venv.observation_space, wanted.get(None, wanted),
            stacked=stacked or stacked_in(venv) or 1, keys=keys,
        )  # fmt: skip
        self._code_by(each)
        self.raw: Observations | None = None
        self._left_out = left_out(venv.observation_space, self.layouts)
        made_by = self.made_by()
        widths = {key: self.layouts[key].stack * coder.width for key, coder in self._coders.items()}
        self._stacks = {
            key: StackedObservations(
                venv.num_envs, frame_stack, gym.spaces.Box(-np.inf, np.inf, (width,), np.float32)
            )
            for key, width in widths.items()
            if frame_stack > 1
        }
        names = self._names()
        codes = {
            key: Codes(frame_stack * width, codes=names[key], made_by=made_by)
            for key, width in widths.items()
        }
        super().__init__(venv, self._with_codes(venv.observation_space, codes))
        self._goals = Goals(self.layouts, reward)
        if frame_stack > 1 and reward != "environment":
            raise ValueError(
                f"reward={reward!r} is a distance of single codes, got frame_stack={frame_stack}; "
                "leave one of them out"
            )

    def _code_by(self, each: Mapping[Any, Encoder]) -> None:
        coders = {k: Coder.of(one, self.latents, self.standardise) for k, one in each.items()}
        self._coders = {key: coders.get(key) or coders[None] for key in self.layouts}
        self._groups = grouped(self._coders)
        self._first_codes = self.codes

    @property
    def _makers(self) -> list[CodeMaker]:
        return list(dict.fromkeys(coder.maker for coder in self._coders.values()))

    @property
    def codes(self) -> str:
        """The name of encoder, latents and scaling: equal codes, equal names."""
        return ", ".join(dict.fromkeys(self._names().values()))

    def _names(self) -> dict[Any, str]:
        """By key; those of the last n frames are others than those of one."""
        last = f" of {self.frame_stack} frames" if self.frame_stack > 1 else ""
        return {key: f"{coder.maker.codes}{last}" for key, coder in self._coders.items()}

    def made_by(self) -> str:
        """The line that makes such an environment, for messages."""
        vae = shown_as(self.vae) if self.source is None else repr(self.source)
        if self.source is None and self.moved:
            vae = "online.save_vae(folder)"
        options: dict[str, Any] = {
            "latents": self.latents,
            "standardise": self.standardise,
            **self._said,
        }
        text = ", ".join([f"{name}={value!r}" for name, value in options.items()])
        return f"LatentVecEnv(venv, {vae}, {text})"

    @property
    def moved(self) -> bool:
        """Whether the encoder's weights are no longer those that it was made with."""
        return self.codes != self._first_codes or self._moved_unnamed

    @property
    def _moved_unnamed(self) -> bool:
        return any(maker.moved for maker in self._makers)

    def renew(self, folder: Path | None) -> None:
        """The encoder has moved on purpose: name the codes anew, in the observation space too.

        An agent on the earlier codes does not know them; ``OnlineBetaVAE`` calls this for those
        that it trains with. ``folder``: where the encoder is to be found now, if anywhere.
        """
        for maker in self._makers:
            maker.renew()
        self.folder = folder
        self.source = None if folder is None else str(folder)
        self.rename(self.observation_space)

    def swap(self, vae: Encoder | Mapping[str, Encoder]) -> None:
        """Encode with ``vae``, of the same shape and width, from the next ``reset`` on.

        The codes are named anew, as in ``renew``; ``swap_encoder`` calls this.
        """
        self.vae, each = loaded(vae)
        self.source, self.folder = None, None
        self._code_by(each)
        self.rename(self.observation_space)

    def rename(self, space: gym.Space[Any]) -> None:
        """Let ``space``, an agent's on these codes, name them as they are now."""
        rename(space, self._names(), self.made_by())

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
        codes = self._encode([self.raw])[0]
        codes |= {key: stack.reset(codes[key]) for key, stack in self._stacks.items()}
        return self._with_codes(self.raw, codes)

    def step_wait(self) -> VecEnvStepReturn:
        """Codes, rewards, dones, infos; one encoder pass, terminal observations included."""
        for coder, _ in self._groups:
            if coder.maker.touched:
                self.refuse_moved()
        self.raw, rewards, dones, infos = self.venv.step_wait()
        if not dones.any() and not self._stacks:  # most steps
            shown = self.encode(self.raw)
            return shown, self._goals.rewards(shown, rewards, infos), dones, infos
        ended = [i for i in np.flatnonzero(dones) if "terminal_observation" in infos[i]]
        last = [mapped(lambda part: part[None], infos[i]["terminal_observation"]) for i in ended]
        codes, *last_codes = self._encode([self.raw, *last])
        last_codes = [{key: code[0] for key, code in each.items()} for each in last_codes]
        for key, stack in self._stacks.items():
            ends: list[dict[str, Any]] = [{} for _ in infos]
            for i, code in zip(ended, last_codes, strict=True):
                ends[i] = {"terminal_observation": code[key]}
            codes[key], ends = stack.update(codes[key], dones, ends)
            for i, code in zip(ended, last_codes, strict=True):
                code[key] = ends[i]["terminal_observation"]
        for i, code in zip(ended, last_codes, strict=True):
            whole = infos[i]["terminal_observation"]
            infos[i]["terminal_observation"] = self._with_codes(whole, code)
        # the environments below replace theirs at every reset; wrappers keep an empty one
        if dones.any():
            self.reset_infos = self.venv.unwrapped.reset_infos
        shown = self._with_codes(self.raw, codes)
        return shown, self._goals.rewards(shown, rewards, infos), dones, infos

    def encode(self, observations: Observations) -> Observations:
        """Observations of ``venv``, B of them, as codes, in one pass; those of ``frame_stack`` = 1.

        Nothing is remembered of them.
        """
        return self._with_codes(observations, self._encode([observations])[0])

    def _encode(self, batches: Sequence[Observations]) -> list[dict[Any, np.ndarray]]:
        """The codes of each batch, by key; one pass for each encoder."""
        if len(batches) == len(self._coders) == 1:  # most steps: nothing to sort
            ((key, coder),) = self._coders.items()
            layout, batch = self.layouts[key], batches[0]
            codes = coder.codes(layout.all_frames(batch if key is None else batch[key]))
            return [{key: codes.reshape(-1, layout.stack * coder.width)}]
        found: list[dict[Any, np.ndarray]] = [{} for _ in batches]
        for coder, keys in self._groups:
            wanted = [(part, key) for part in range(len(batches)) for key in keys]
            pictures = [
                self.layouts[key].all_frames(batches[part] if key is None else batches[part][key])
                for part, key in wanted
            ]
            codes = coder.codes(pictures[0] if len(pictures) == 1 else np.concatenate(pictures))
            stops = [0, *accumulate(map(len, pictures))]
            for (part, key), (first, stop) in zip(wanted, pairwise(stops), strict=True):
                width = self.layouts[key].stack * coder.width
                found[part][key] = codes[first:stop].reshape(-1, width)
        return found

    def _with_codes(self, whole: Any, codes: Mapping[Any, Any]) -> Any:
        """``whole`` (a space or an observation) with the codes in place of the pictures."""
        if None in codes:
            return codes[None]
        parts = whole.spaces if isinstance(whole, gym.spaces.Dict) else whole
        found = {k: codes.get(k, part) for k, part in parts.items() if k not in self._left_out}
        return gym.spaces.Dict(list(found.items())) if isinstance(whole, gym.spaces.Dict) else found
