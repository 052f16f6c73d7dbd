"""Environments whose observation is the frame itself: uint8 (H, W, C), picked, resized, grey.

What shows frames already stays as it is. Frames that are stacked are kept apart in four dimensions,
(n, H, W, C), which say themselves how many there are.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from bvae_rl.data.pictures.frame_layout import FrameLayout, picture_key
from bvae_rl.data.pictures.layouts import stacked_in
from bvae_rl.data.pictures.resize import Shape
from bvae_rl.data.pictures.space import looks_like_a_picture

JUDGED = 50  # pictures after which floats that are all too small are refused

logger = logging.getLogger(__name__)


class PickObservation(gym.ObservationWrapper[Any, Any, Any]):
    """Of a Dict observation the part ``key``; the others are left out."""

    def __init__(self, env: gym.Env[Any, Any], key: str) -> None:
        super().__init__(env)
        assert isinstance(env.observation_space, gym.spaces.Dict)
        self.key, self.observation_space = key, env.observation_space[key]
        self.others = tuple(name for name in env.observation_space.spaces if name != key)

    def observation(self, observation: Any) -> Any:
        return observation[self.key]


class FramedObservation(gym.ObservationWrapper[Any, Any, Any]):
    """The frames of ``layout``: (H, W, C), or (n, H, W, C) where n are stacked.

    Of the picture ``key`` of a Dict, whose other parts stay; None: of the whole observation.
    """

    def __init__(
        self, env: gym.Env[Any, Any], layout: FrameLayout, *, key: str | None = None
    ) -> None:
        super().__init__(env)
        self.layout, self.key = layout, key
        frames, whole = frames_space(layout), env.observation_space
        if key is None:
            self.observation_space = frames
        else:
            assert isinstance(whole, gym.spaces.Dict)
            self.observation_space = gym.spaces.Dict({**whole.spaces, key: frames})

    def observation(self, observation: Any) -> Any:
        picture = observation if self.key is None else observation[self.key]
        frames = all_shown(self.layout, np.asarray(picture)[None])[0]
        return frames if self.key is None else {**observation, self.key: frames}


class FramedVecEnv(VecEnvWrapper):
    """The newest frame of each observation, (H, W, C), as ``layout`` reads it."""

    def __init__(self, venv: VecEnv, layout: FrameLayout) -> None:
        channels, height, width = layout.shape
        super().__init__(venv, gym.spaces.Box(0, 255, (height, width, channels), np.uint8))
        self.layout = layout

    def reset(self) -> np.ndarray:
        return self.layout.frames(self.venv.reset())

    def step_wait(self) -> VecEnvStepReturn:
        observations, rewards, dones, infos = self.venv.step_wait()
        for info in infos:
            if "terminal_observation" in info:
                (last,) = self.layout.of_each([info["terminal_observation"]])
                info["terminal_observation"] = last
        return self.layout.frames(observations), rewards, dones, infos


def drawn(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """``env`` with the picture that it draws as its observation; ValueError if it draws none."""
    if env.render_mode != "rgb_array":
        modes = env.metadata.get("render_modes", [])
        raise ValueError(
            f"pixels=True shows what {env} draws, and it draws nothing to an array "
            f"(render_mode={env.render_mode!r}, it knows {modes}); make it with "
            "gymnasium.make(id, render_mode='rgb_array')"
        )
    return gym.wrappers.AddRenderObservation(env, render_only=True)


def picked(env: gym.Env[Any, Any], key: str | None = None) -> gym.Env[Any, Any]:
    """``env`` with the picture ``key`` of its Dict observation; None: the only one there is.

    An environment of other observations, or with several pictures, comes back as it is; ValueError
    for a key that is not there.
    """
    chosen = picked_key(env.observation_space, key)
    return env if chosen is None else PickObservation(env, chosen)


def picked_key(space: gym.Space[Any], key: str | None = None) -> str | None:
    """Which part of ``space`` ``picked`` shows; None: all of it."""
    if not isinstance(space, gym.spaces.Dict):
        if key is not None:
            FrameLayout.of(space, key=key)  # raises
        return None
    pictures = [name for name, part in space.spaces.items() if looks_like_a_picture(part)]
    if key is None and len(pictures) != 1:
        return None
    return picture_key(space, key)


def frames_space(layout: FrameLayout) -> gym.spaces.Box:
    """Of the frames of ``layout``: (H, W, C), or (n, H, W, C) where n are stacked."""
    channels, height, width = layout.shape
    stack = (layout.stack,) if layout.stack > 1 else ()
    return gym.spaces.Box(0, 255, (*stack, height, width, channels), np.uint8)


def all_shown(layout: FrameLayout, observations: np.ndarray) -> np.ndarray:
    """Observations (B, *space.shape) as that space says: (B, H, W, C) or (B, n, H, W, C)."""
    frames = layout.all_frames(observations)
    if layout.stack > 1:
        return frames.reshape(-1, layout.stack, *frames.shape[1:])
    return np.ascontiguousarray(frames)


@cache
def _say_what_is_left_out(key: str, others: tuple[str, ...]) -> None:
    """Once, however many copies of an environment there are."""
    if others:
        logger.info("of each observation only %r is seen; left out: %s", key, ", ".join(others))


class CheckedPictures(gym.Wrapper[Any, Any, Any, Any]):
    """Refuses pictures unlike their space, before a vectorised environment casts them to it."""

    _seen, _brightest = 0, 0.0  # of the first episode

    def reset(self, **how: Any) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(**how)
        return self._checked(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        checked = self._checked(observation, last=bool(terminated or truncated))
        return checked, reward, terminated, truncated, info

    def _refuse_black(self, shown: np.ndarray, *, last: bool) -> None:
        """ValueError where the floats of an episode, or of many steps, are all too small."""
        self._seen += 1
        self._brightest = max(self._brightest, float(shown.max()))
        if 0.0 < self._brightest <= 1.0 and (last or self._seen >= JUDGED):
            raise ValueError(
                "the environment shows floats of 0 to 1, and its space says 0 to 255, so that they "
                f"would be black; give it gymnasium.spaces.Box(0, 1, {shown.shape}, np.float32)"
            )

    def _checked(self, observation: Any, *, last: bool = False) -> Any:
        space, shown = self.observation_space, np.asarray(observation)
        assert isinstance(space, gym.spaces.Box)
        if shown.dtype.kind == "f" and float(space.high.max()) == 255.0 >= 1.0 >= self._brightest:
            self._refuse_black(shown, last=last)
        kinds = {shown.dtype.kind, np.dtype(space.dtype).kind}
        if shown.shape != space.shape or len(kinds) > 1:
            raise ValueError(
                f"the environment shows pictures {shown.dtype} {shown.shape}, and its space says "
                f"{space.dtype} {space.shape}; give it the space of what it shows: "
                f"gymnasium.wrappers.TransformObservation(env, {_as_shown(shown)})"
            )
        return observation


def _as_shown(shown: np.ndarray) -> str:
    """What ``TransformObservation`` needs to show pictures like ``shown`` as they are."""
    if shown.dtype.kind == "f":
        high = 1 if float(shown.max()) <= 1.0 else 255
        box = f"gymnasium.spaces.Box(0, {high}, {shown.shape}, np.{shown.dtype})"
        return f"lambda picture: picture, {box}"
    scaled = " * 255" if shown.dtype == bool else ""
    made = "picture" if shown.dtype == np.uint8 else f"np.asarray(picture{scaled}, np.uint8)"
    return f"lambda picture: {made}, gymnasium.spaces.Box(0, 255, {shown.shape}, np.uint8)"


def checked(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """``env``, its pictures held against their space."""
    space = env.observation_space
    picture = isinstance(space, gym.spaces.Box) and looks_like_a_picture(space)
    return CheckedPictures(env) if picture else env


def framed(
    env: gym.Env[Any, Any],
    *,
    key: str | None = None,
    size: tuple[int, int] | None = None,
    grey: bool = False,
    stacked: int | None = None,
) -> gym.Env[Any, Any]:
    """``env`` showing frames, where its pictures are none yet; the arguments are ``FrameLayout``'s.

    Without arguments an environment of other observations than one picture comes back as it is.
    """
    env = picked(env, key)
    space = env.observation_space
    others = (env.key, env.others) if isinstance(env, PickObservation) else None
    layout = shown_layout(
        space, size=size, grey=grey, stacked=stacked, known=stacked_in(env), left_out=others
    )
    return env if layout is None else FramedObservation(env, layout)


def shown_layout(
    space: gym.Space[Any],
    *,
    size: tuple[int, int] | None = None,
    grey: bool = False,
    stacked: int | None = None,
    known: int | None = None,
    left_out: tuple[str, tuple[str, ...]] | None = None,
) -> FrameLayout | None:
    """How ``framed`` turns observations of ``space`` into frames; None: they stay as they are.

    ``known``: how many frames they stack, for all that their wrappers tell. ``left_out``: the key
    that was picked and those that were not, which is said of pictures.
    """
    asked = bool(size or grey or stacked)
    if not looks_like_a_picture(space) and not asked:
        return None
    try:
        layout = FrameLayout.of(space, stacked=stacked or known, size=size, grey=grey)
    except (TypeError, ValueError):
        if asked:
            raise
        return None  # whoever needs its pictures is told what is wrong with them
    if left_out is not None:
        _say_what_is_left_out(*left_out)
    plain = layout.native is None and (layout.stack == 1 or layout.ndim == 4)
    return None if plain else layout


def framed_vec(
    venv: VecEnv,
    *,
    key: str | None = None,
    size: tuple[int, int] | None = None,
    grey: bool = False,
    stacked: int | None = None,
) -> VecEnv:
    """The same for a VecEnv, of a stack the newest; TypeError or ValueError for no picture."""
    layout = FrameLayout.of(
        venv.observation_space, key=key, stacked=stacked or stacked_in(venv), size=size, grey=grey
    )
    plain = FrameLayout(layout.shape, layout.channels_first, 1, layout.divisor)
    return venv if layout == plain else FramedVecEnv(venv, layout)


def native_in(env: gym.Env[Any, Any] | VecEnv) -> Shape | None:
    """(C, H, W) of the pictures that the frames of ``env`` are made of; None if they are those."""
    layout = _layout_in(env)
    return None if layout is None else layout.native


def top_in(env: gym.Env[Any, Any] | VecEnv) -> float | None:
    """The bound of the space of depth that the frames of ``env`` show; None of other pictures."""
    layout = _layout_in(env)
    if layout is None:
        try:
            layout = FrameLayout.of(env.observation_space, stacked=stacked_in(env))
        except (TypeError, ValueError):
            return None
    return None if layout.divisor in (1.0, 255.0) else layout.divisor


def _layout_in(env: Any) -> FrameLayout | None:
    while env is not None:
        if isinstance(layout := getattr(env, "layout", None), FrameLayout):
            return layout
        env = getattr(env, "env", None) or getattr(env, "venv", None)
    return None
