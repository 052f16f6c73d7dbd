"""Atari games (Bellemare et al. 2013, arXiv 1207.4708) with known factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import gymnasium as gym
import numpy as np

from bvae_rl.envs.atari.appearances import AtariAppearance, atari_domain
from bvae_rl.envs.atari.emulator import Scene, emulator, load_ale
from bvae_rl.envs.atari.games import known_game
from bvae_rl.envs.domains import Domain
from bvae_rl.envs.world import Step, World

SCREEN = (210, 160)  # height and width of the game's own picture
DRAWS = 1000
FRAMES = 108_000  # of an episode, as in ALE's v5
OURS = {
    "obs_type": "pictures are RGB; for grey ones write --grey, or wrap the environment",
    "sound_obs": "there is no sound",
}


class AtariWorld(World):
    """A game of the Arcade Learning Environment as a world of pictures; it needs the extra
    ``atari``.

    ## Description
    The game is ale-py's ``ALE/<Game>-v5``: same dynamics, rewards, ends, seeds and defaults. Each
    reset draws an appearance of the visual domain, which changes nothing but colours. What is no
    factor (velocities, the way a boxer stands, which bricks are gone) is not kept by
    ``set_factors``: it goes to one fixed state of the game, in which the factors are changed.

    ## Action Space
    That of the game.

    ## Observation Space
    ``Box(0, 255, (height, width, 3), uint8)``, RGB. Factors: those in ``atari.games`` (positions in
    pixels of the game's 210 x 160, whole numbers), then those of the appearance. What is set is
    rounded to whole numbers.

    ## Rewards
    Those of the game, not clipped.

    ## Termination
    That of the game. Truncation after ``max_num_frames_per_episode`` frames.

    ## Arguments
    ``game``: ale-py's name; ``domain``: a visual domain (``envs.domains``; kinds in
    ``atari.appearances``); ``size``: pixels of a side, or (height, width); ``(210, 160)`` is the
    game's own picture, and others are made of it by area. ``mode``, ``difficulty``: of those that
    the ROM has; ``render_mode``: "rgb_array" or None. Others are those of ale-py's ``AtariEnv``
    (``frameskip=4``, ``repeat_action_probability=0.25``, ...). ImportError without the extra or the
    ROM, ValueError for a game or a mode that there is not.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 15}

    def __init__(
        self,
        game: str,
        *,
        domain: str = "source",
        size: int | tuple[int, int] = 64,
        mode: int | None = None,
        difficulty: int | None = None,
        frameskip: int | tuple[int, int] = 4,
        max_num_frames_per_episode: int = FRAMES,
        render_mode: str | None = None,
        **kwargs: Any,
    ) -> None:
        for name, reason in OURS.items():
            if name in kwargs:
                raise ValueError(f"{name} is no argument of this environment: {reason}")
        if max_num_frames_per_episode < 1:
            raise ValueError(
                f"max_num_frames_per_episode must be at least 1, got {max_num_frames_per_episode}"
            )
        self.game, self.cells = game, known_game(game).cells
        self.state_specs = tuple(cell.spec for cell in self.cells)
        parsed = atari_domain(domain, game)
        height, width = _height_width(size)
        self._maker = emulator(game, mode, difficulty)
        try:
            self._sim = load_ale().AtariEnv(
                game=game,
                mode=mode,
                difficulty=difficulty,
                obs_type="ram",
                frameskip=frameskip,
                max_num_frames_per_episode=max_num_frames_per_episode,
                **kwargs,
            )
        except gym.error.Error as error:
            raise ValueError(f"{game} cannot be made: {error}") from error
        fewest = frameskip if isinstance(frameskip, int) else frameskip[0]
        super().__init__(
            parsed,
            size=height,
            max_steps=max(1, max_num_frames_per_episode // fewest),
            render_mode=render_mode,
        )
        self.observation_space = gym.spaces.Box(0, 255, (height, width, 3), np.uint8)
        self.action_space = self._sim.action_space
        self._height_width = height, width
        self._scene: Scene | None = None
        self._known: Mapping[str, Any] = {}  # what ale-py says in its info

    @property
    def ale(self) -> Any:
        """ale-py's interface, as Stable-Baselines3's Atari wrappers ask for it."""
        return self._sim.ale

    def get_action_meanings(self) -> list[str]:
        """What each action presses."""
        return self._sim.get_action_meanings()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        appearance = (options or {}).get("appearance")
        if isinstance(appearance, AtariAppearance) and appearance.game != self.game:
            raise ValueError(
                f"this is the game {self.game}, and options['appearance'] is one of "
                f"{appearance.game}: make it with AtariAppearance(game={self.game!r}, ...)"
            )
        return super().reset(seed=seed, options=options)

    def step(self, action: Any) -> Step:
        ram, reward, terminated, truncated, self._known = self._sim.step(action)
        self._see(ram)
        return self._frame(), float(reward), terminated, truncated, self._info()

    def close(self) -> None:
        self._sim.close()

    def _start(self, seed: int | None, given: Mapping[str, float]) -> None:
        ram, self._known = self._sim.reset(seed=seed)
        self._see(ram)
        if given:
            self._show(self._drawn(self.np_random, given))

    def _named(self, domain: str) -> Domain[AtariAppearance]:
        return atari_domain(domain, self.game)

    def _draw_state(self, rng: np.random.Generator) -> np.ndarray:
        return self._values(self._drawn(rng, {}))

    def _drawn(self, rng: np.random.Generator, given: Mapping[str, float]) -> Scene:
        """A scene with whole factors drawn independently and uniformly, but for those given."""
        names = [spec.name for spec in self.state_specs]
        for _ in range(DRAWS):
            drawn = [int(rng.integers(cell.least, cell.most + 1)) for cell in self.cells]
            wanted = [
                round(given.get(name, value)) for name, value in zip(names, drawn, strict=True)
            ]
            if (scene := self._maker.scene(wanted)) is not None:
                return scene
        raise ValueError(
            f"impossible factors: no state of {self.game} with {dict(given)} was found in {DRAWS} "
            "draws of the others"
        )

    def _go_to(self, state: np.ndarray) -> None:
        scene = self._maker.scene([round(value) for value in state.tolist()])
        if scene is None:
            raise ValueError(f"impossible factors: {self._reason(state)}")
        self._show(scene)

    def _reason(self, state: np.ndarray) -> str:
        named = dict(zip((spec.name for spec in self.state_specs), state.tolist(), strict=True))
        text = ", ".join(f"{name}={value:g}" for name, value in named.items())
        ball = " (without a ball its position is 0, 0)" if named.get("ball") == 0 else ""
        return f"{self.game} is never seen with {text}{ball}; things may be inside each other"

    def _show(self, scene: Scene) -> None:
        self._sim.ale.restoreState(scene.state)
        ale = self._sim.ale
        self._known = {
            "lives": ale.lives(),
            "episode_frame_number": ale.getEpisodeFrameNumber(),
            "frame_number": ale.getFrameNumber(),
        }
        self._scene = scene

    def _see(self, ram: np.ndarray) -> None:
        self._scene = Scene(None, self._sim.ale.getScreen(), ram)

    def _read(self) -> np.ndarray:
        if self._scene is None:
            raise gym.error.ResetNeeded("factors are known after the first reset()")
        return self._values(self._scene)

    def _values(self, scene: Scene) -> np.ndarray:
        return np.array([cell.read(scene.ram) for cell in self.cells], dtype=np.float64)

    def _info(self, success: bool | None = None) -> dict[str, Any]:
        return {**self._known, "factors": self.factors(), "domain": self.domain}

    def _frame(self) -> np.ndarray:
        if self._scene is None:
            raise gym.error.ResetNeeded("there is a picture after the first reset()")
        picture = self._appearance.table.take(self._scene.screen, axis=0)
        if self._height_width == SCREEN:
            return picture
        height, width = self._height_width
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def _height_width(size: Any) -> tuple[int, int]:
    """``size`` as height and width; ValueError for what is no whole number of pixels from 16."""
    sides = size if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2 or any(not isinstance(side, int) or side < 16 for side in sides):
        raise ValueError(
            f"size must be a whole number of pixels of a side, 16 or more, or (height, width), got "
            f"{size!r}"
        )
    return sides[0], sides[1]
