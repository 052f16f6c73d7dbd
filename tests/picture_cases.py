"""Every way in which an environment may show pictures, drawn or named, and a small VAE for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from hypothesis import strategies as st

from bvae_rl.models.vae import BetaVAE, VAEConfig

CURES = ("stacked=", "pixels=True", "train a VAE", "keys=", "FrameStackObservation", "bounds")
CHANNELS = {"grey": 1, "depth": 1, "RGB": 3, "RGBA": 4}


@dataclass(frozen=True)
class Shown:
    """A way to show ``stack`` pictures of ``sides``; ``form``: where channels and frames stand."""

    kind: str
    sides: tuple[int, int]
    form: str
    scale: str
    stack: int

    @property
    def frames(self) -> np.ndarray:
        """uint8 (stack, H, W, C), each pixel unlike its neighbours, the oldest first."""
        shape = (self.stack, *self.sides, CHANNELS[self.kind])
        return np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    @property
    def observation(self) -> np.ndarray:
        frames = self.frames
        if self.form == "frames last":
            shown = frames
        elif self.form == "frames first":
            shown = frames.transpose(0, 3, 1, 2)
        elif self.form == "plane":
            shown = frames[..., 0] if self.stack > 1 else frames[0, ..., 0]
        else:
            shown = np.concatenate(list(frames), axis=-1)
            shown = shown.transpose(2, 0, 1) if self.form == "first" else shown
        if self.scale == "bytes":
            return shown
        return shown.astype(np.float32) / {"to 1": 255, "to 255": 1, "to 10": 25.5}[self.scale]

    @property
    def top(self) -> float | None:
        return 10.0 if self.scale == "to 10" else None

    @property
    def space(self) -> gym.spaces.Box:
        shown = self.observation
        high = {"bytes": 255, "to 1": 1, "to 255": 255, "to 10": 10}[self.scale]
        return gym.spaces.Box(0, high, shown.shape, shown.dtype.type)


def shown_pictures() -> st.SearchStrategy[Shown]:
    side = st.integers(16, 150)

    def build(kind: str, form: str, scale: str, stack: int, sides: tuple[int, int]) -> Shown:
        if form == "plane" and CHANNELS[kind] > 1:
            form = "last"
        if scale == "to 10" and kind != "depth":
            scale = "bytes"
        return Shown(kind, sides, form, scale, min(stack, 15 // CHANNELS[kind]))

    return st.builds(
        build,
        st.sampled_from(sorted(CHANNELS)),
        st.sampled_from(("last", "first", "plane", "frames last", "frames first")),
        st.sampled_from(("bytes", "to 1", "to 255", "to 10")),
        st.integers(1, 5),
        st.tuples(side, side),
    )


def small_vae(
    shape: tuple[int, int, int], native: tuple[int, int, int], top: float | None = None
) -> BetaVAE:
    torch.manual_seed(0)
    config = VAEConfig(
        shape=shape, latent_dim=3, channels=(4, 4, 4), hidden=8, native=native, top=top
    )
    vae = BetaVAE(config).eval()
    torch.nn.init.normal_(vae.encoder[-1].weight)
    return vae


class Still(gym.Env[Any, Any]):
    """Shows one observation for ever."""

    action_space = gym.spaces.Discrete(2)

    def __init__(self, space: gym.Space[Any], observation: Any) -> None:
        self.observation_space, self._shown = space, observation

    def reset(self, **how: Any) -> tuple[Any, dict[str, Any]]:
        return self._shown, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._shown, 0.0, False, False, {}


KINDS = {
    "RGB": Shown("RGB", (32, 40), "last", "bytes", 1),
    "RGB first": Shown("RGB", (32, 40), "first", "bytes", 1),
    "RGBA": Shown("RGBA", (32, 40), "last", "bytes", 1),
    "RGBA stack": Shown("RGBA", (32, 40), "last", "bytes", 2),
    "grey plane": Shown("grey", (84, 84), "plane", "bytes", 1),
    "Atari": Shown("grey", (84, 84), "last", "bytes", 4),
    "four dimensions": Shown("RGB", (32, 40), "frames last", "bytes", 3),
    "depth": Shown("depth", (24, 20), "last", "to 10", 1),
    "float to 1": Shown("RGB", (32, 40), "first", "to 1", 2),
    "float to 255": Shown("RGB", (32, 40), "last", "to 255", 1),
    "large": Shown("RGB", (210, 160), "last", "bytes", 1),
}
