"""Recoloured pictures to learn from: what the methods ``pixels_recoloured`` are trained on.

An encoder can be made to ignore colour before any agent learns. The rival is an agent whose own
pixels are recoloured while it learns, by the same random maps (``bvae_rl.training.augment.colour``)
and by nothing else; every evaluation shows clean pictures. Where the maps come in follows from how
an algorithm learns:

PPO learns from what it has just done, by how much likelier an action is now than it was when it was
taken, at one and the same picture. Maps drawn while a rollout is learned from would compare the two
at different pictures (Raileanu et al. 2021, DrAC, arXiv 2006.12862). So the environment shows
recoloured pictures: the agent acts on what it learns from.

SAC learns from a replay buffer and compares no two policies. It acts on clean pictures, and a part
of each batch is recoloured when it is drawn, each picture anew. The pictures of the next step stay
clean, and with them the targets of the critic (Hansen et al. 2021, SVEA, arXiv 2107.00644). What is
not as in SVEA: there each picture is in a batch twice, clean and changed, here a share of a batch
of the usual size is clean, so that an update costs what it does without; and there the actor
learns from clean pictures, with the critic's encoder. SB3's actor has an encoder of its own,
which would never see a new colour, so that here it learns from the same batch.

Maps that last an episode are drawn by the environment for either algorithm. One map holds for all
frames of a stack: with a map each, what stands still would seem to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from gymnasium.spaces import Box
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.preprocessing import is_image_space_channels_first
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecNormalize
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn
from torch import Tensor

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.raw_pixels import pixels_view
from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.training.augment.colour import (
    PART,
    ColourMap,
    check_maps,
    draw_colour_maps,
    recoloured,
)
from bvae_rl.training.augment.draws import RGB

By = Literal["step", "episode"]


@dataclass(frozen=True)
class Recolouring:
    """How the pictures that an agent learns from are recoloured.

    ``by``: how long a map lasts: a step or an episode. ``frequency``: of the maps, in rad over the
    width of a channel, above 0: 2 is gentle, 4 strong. ``clean``: the share of steps, of episodes
    or of a batch that keeps its colours, in [0, 1]. ``part``: the share of the maps that leaves
    some colours as they are, in [0, 1]. ValueError for other values.
    """

    by: By = "step"
    frequency: float = 2.0
    clean: float = 0.5
    part: float = PART

    def __post_init__(self) -> None:
        if self.by not in get_args(By):
            raise ValueError(f"maps of colours are drawn by step or episode, got {self.by!r}")
        check_maps(frequency=self.frequency, part=self.part)
        if not 0 <= self.clean <= 1:
            raise ValueError(f"the share of clean pictures must be in [0, 1], got {self.clean}")

    def in_batches(self, algo: str) -> bool:
        """Whether batches of a replay buffer are recoloured, and not the environment's pictures."""
        return algo == "sac" and self.by == "step"

    def of_environment(self, venv: VecEnv, config: AgentConfig) -> VecEnv:
        """``venv``, which shows colour pictures, as the agent sees it while it learns."""
        if self.in_batches(config.algo):
            return venv
        return RecolouredVecEnv(venv, self, seed=config.seed)

    def check(self, config: AgentConfig) -> None:
        """ValueError for returns of several steps, which SB3 sums up in a buffer of its own."""
        n_steps = config.settings.get("n_steps", 1)
        if self.in_batches(config.algo) and n_steps != 1:
            raise ValueError(
                f"batches are recoloured for n_steps=1 alone, got n_steps={n_steps}; leave it out, "
                "or recolour by episode: --method pixels_recoloured_episode"
            )

    def of_buffer(self, config: AgentConfig) -> Mapping[str, Any]:
        """What SB3's constructor is told about the replay buffer; nothing where it stays as it is.

        ValueError as from ``check``.
        """
        self.check(config)
        if not self.in_batches(config.algo):
            return {}
        return {
            "replay_buffer_class": RecolouredReplayBuffer,
            "replay_buffer_kwargs": {"recolouring": self},
        }


# The methods, by name.
RECOLOURINGS: Mapping[str, Recolouring] = {
    "pixels_recoloured": Recolouring(),
    "pixels_recoloured_strong": Recolouring(frequency=4.0),
    "pixels_recoloured_all": Recolouring(clean=0.0),
    "pixels_recoloured_all_strong": Recolouring(frequency=4.0, clean=0.0),
    "pixels_recoloured_episode": Recolouring("episode"),
    "pixels_recoloured_episode_strong": Recolouring("episode", frequency=4.0),
}


class RecolouredVecEnv(VecEnvWrapper):
    """Pictures of ``venv``, stacked ones too, under random maps of their colours.

    Observations are uint8, channels last or first, red, green and blue of each frame side by side.
    Each environment has maps of its own. They follow from ``seed``, or from that of the last call
    of the method of that name, and what has happened since.
    """

    def __init__(self, venv: VecEnv, recolouring: Recolouring, *, seed: int) -> None:
        super().__init__(venv)
        self.recolouring = recolouring
        space = venv.observation_space
        assert isinstance(space, Box), "colours_view, or pixels_view, shows a picture"
        self.channels_first = is_image_space_channels_first(space)
        self.generator = torch.Generator().manual_seed(seed)
        n = self.num_envs
        self.maps = ColourMap(torch.zeros(n, RGB + 1, RGB), torch.zeros(n, RGB + 1))
        self.changed = torch.zeros(self.num_envs, dtype=torch.bool)

    def seed(self, seed: int | None = None) -> Any:
        """As of any VecEnv; the maps are drawn from it too."""
        if seed is not None:
            self.generator.manual_seed(seed)
        return super().seed(seed)

    def reset(self) -> np.ndarray:
        """Fresh episodes under fresh maps."""
        frames = np.asarray(self.venv.reset())
        self._draw(torch.arange(self.num_envs))
        return self._shown(frames)

    def step_wait(self) -> VecEnvStepReturn:
        """The same of a step; an episode's last picture too is under a map of that episode."""
        frames, rewards, dones, infos = self.venv.step_wait()
        if self.recolouring.by == "step":
            self._draw(torch.arange(self.num_envs))
        for i, info in enumerate(infos):
            if "terminal_observation" in info:
                last = np.asarray(info["terminal_observation"])[None]
                info["terminal_observation"] = self._shown(last, slice(i, i + 1))[0]
        if self.recolouring.by == "episode":
            self._draw(torch.from_numpy(np.flatnonzero(dones)))
        return self._shown(np.asarray(frames)), rewards, dones, infos

    def _draw(self, these: Tensor) -> None:
        """New maps for ``these`` environments."""
        n, how = len(these), self.recolouring
        self.changed[these] = torch.rand(n, generator=self.generator) >= how.clean
        maps = draw_colour_maps(n, self.generator, frequency=how.frequency, part=how.part)
        self.maps.w[these], self.maps.b[these] = maps

    def _shown(self, frames: np.ndarray, these: slice = slice(None)) -> np.ndarray:
        """Copies of the pictures of ``these`` environments, under their maps."""
        shown = torch.tensor(frames)
        at = self.changed[these]
        maps = ColourMap(self.maps.w[these][at], self.maps.b[these][at])
        shown[at] = recoloured_bytes(shown[at], maps, channels_first=self.channels_first)
        return shown.numpy()


class RecolouredReplayBuffer(ReplayBuffer):
    """Recolours a part of each batch's observations, each one anew; the next ones stay clean.

    Holds clean pictures, uint8 (n * 3, H, W) as SB3 stores them. Maps are drawn from torch's global
    generator, as SB3's own draws are: it is what a model's seed sets.
    """

    def __init__(self, *args: Any, recolouring: Recolouring, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.recolouring = recolouring

    def _get_samples(
        self, batch_inds: np.ndarray, env: VecNormalize | None = None
    ) -> ReplayBufferSamples:
        batch = super()._get_samples(batch_inds, env)
        pictures, how = batch.observations, self.recolouring
        n = round((1 - how.clean) * len(pictures))  # of rows that are drawn independently
        maps = draw_colour_maps(n, torch.default_generator, frequency=how.frequency, part=how.part)
        changed = recoloured_bytes(pictures[:n], maps, channels_first=True)
        return batch._replace(observations=torch.cat([changed, pictures[n:]]))


def recoloured_bytes(pictures: Tensor, maps: ColourMap, *, channels_first: bool) -> Tensor:
    """uint8 pictures (B, n * 3, H, W) or (B, H, W, n * 3), each under its map.

    All n frames of a stack are under the same map.
    """
    x = pictures if channels_first else pictures.permute(0, 3, 1, 2)
    mapped = recoloured(x.float() / 255.0, maps).mul_(255.0).round_().to(torch.uint8)
    return mapped if channels_first else mapped.permute(0, 2, 3, 1)


def colours_view(venv: VecEnv) -> VecEnv:
    """``pixels_view`` of colour pictures; ValueError for others."""
    layout = FrameLayout.of(venv.observation_space)
    channels = (layout.native or layout.shape)[0]
    if channels != RGB:
        raise ValueError(
            f"recolouring maps red, green and blue, and these pictures have {channels} "
            f"channel{'s' * (channels != 1)}; show colours (leave out --grey), or take the method "
            "pixels"
        )
    return pixels_view(venv)
