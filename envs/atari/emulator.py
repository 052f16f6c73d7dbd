"""The console: games loaded through ale-py, and states of a game made from factors.

A state is made in an emulator of its own from one fixed state of the game: the bytes are written, a
frame or a few are played without an action, and what is read then is compared with what was wanted;
the difference is made good until there is none. So the picture is the game's own, and the same
factors always give the same one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from bvae_rl.envs.atari.games import Game, known_game
from bvae_rl.runtime.optional import require

EXTRA = "atari"
TRIES = 12  # corrections before a state is given up
MOST_SERVING = 400  # frames within which a ball has come
PADDLE_BYTES = 4  # of the first integer of a serialised state, the resistance of the first paddle
NOOP = 0


@dataclass(frozen=True, eq=False)
class Scene:
    """A state of the game and what it shows: numbers of colours (210, 160), memory (128,)."""

    state: Any
    screen: np.ndarray
    ram: np.ndarray


def load_ale() -> Any:
    """The package ``ale_py``, its greeting switched off; an ImportError names the extra."""
    package = require("ale_py", extra=EXTRA)
    package.ALEInterface.setLoggerMode(package.LoggerMode.Error)
    return package


def rom_path(rom: str) -> Any:
    """Where ale-py has the ROM; an ImportError says what to do where it has not."""
    load_ale()
    roms = require("ale_py.roms", extra=EXTRA)
    try:
        return roms.get_rom_path(rom)
    except OSError as error:
        folder = os.environ.get("ALE_ROMS_DIR")
        cure = (
            f"put it into the folder that the environment variable ALE_ROMS_DIR names ({folder}), "
            "or unset the variable: ale-py brings the ROMs itself"
            if folder
            else "ale-py's wheels bring it: pip install --force-reinstall ale-py"
        )
        raise ImportError(f"the ROM of {rom} cannot be read ({error}); {cure}") from error


def emulator(rom: str, mode: int | None, difficulty: int | None) -> Emulator:
    """The emulator that makes states of this game, shared by all worlds in this thread."""
    return _emulator(rom, mode, difficulty, os.getpid(), threading.get_ident())


@cache
def _emulator(
    rom: str, mode: int | None, difficulty: int | None, process: int, thread: int
) -> Emulator:
    return Emulator(known_game(rom), mode, difficulty)


class Emulator:
    """Makes states of one game in one mode and difficulty (None: the game's first)."""

    def __init__(self, game: Game, mode: int | None, difficulty: int | None) -> None:
        package = load_ale()
        path = rom_path(game.rom)
        self._game, self._state_type = game, package.ALEState
        self._ale = package.ALEInterface()
        self._ale.setFloat("repeat_action_probability", 0.0)
        self._ale.loadROM(path)
        for what, wanted, known, choose in (
            ("mode", mode, self._ale.getAvailableModes(), self._ale.setMode),
            ("difficulty", difficulty, self._ale.getAvailableDifficulties(),
             self._ale.setDifficulty),
        ):  # fmt: skip
            if wanted is None:
                continue
            if wanted not in known:
                raise ValueError(
                    f"{game.rom} has no {what} {wanted!r}; it has {', '.join(map(str, known))}"
                )
            choose(wanted)
        self._ale.reset_game()
        self._bases = self._found_bases()

    def scene(self, values: Sequence[int]) -> Scene | None:
        """The state with these values of the game's cells, or None if it cannot be made."""
        cells = self._game.cells
        wanted = [  # 160 of 160 pixels round is 0
            value % period if (period := getattr(cell, "period", 0)) else value
            for cell, value in zip(cells, values, strict=True)
        ]
        balls = [value for cell, value in zip(cells, wanted, strict=True) if cell.of_ball]
        there = not balls or balls[0] == 1
        if there not in self._bases or (not there and any(balls)):
            return None
        apart = self._game.apart
        if apart is not None and not apart.kept(dict(zip(self._game.names, wanted, strict=True))):
            return None
        base, aims = self._held(self._bases[there], wanted), list(wanted)
        for _ in range(TRIES):
            ram = self._tried(aims, base, there=there)
            if ram is None:
                return None
            got = [cell.read(ram) for cell in cells]
            if got == wanted:
                calm = all(ram[at] == byte for at, byte in self._game.calm.items())
                return self._scene(ram) if calm else None
            aims = [aim + want - have for aim, want, have in zip(aims, wanted, got, strict=True)]
        return None

    def _tried(self, aims: Sequence[int], base: Any, *, there: bool) -> np.ndarray | None:
        """Memory after the aims were written and shown; None if a byte cannot hold one."""
        pokes = {
            address: byte
            for cell, aim in zip(self._game.cells, aims, strict=True)
            if there or not cell.of_ball
            for address, byte in cell.pokes(aim).items()
        }
        if any(not 0 <= byte <= 255 for byte in pokes.values()):
            return None
        self._ale.restoreState(base)
        for _ in range(self._game.frames):
            for address, byte in pokes.items():
                self._ale.setRAM(address, byte)
            self._ale.act(NOOP)
        return np.array(self._ale.getRAM())

    def _held(self, state: bytes, wanted: Sequence[int]) -> Any:
        """A state with the paddle controller turned to where its factor is wanted."""
        if (paddle := self._game.paddle) is not None:
            ohms = paddle.at_zero + paddle.per * wanted[self._game.names.index(paddle.cell)]
            state = ohms.to_bytes(PADDLE_BYTES, "little", signed=True) + state[PADDLE_BYTES:]
        return self._state_type(state)

    def _scene(self, ram: np.ndarray) -> Scene:
        return Scene(self._ale.cloneState(), np.array(self._ale.getScreen()), ram)

    def _found_bases(self) -> dict[bool, bytes]:
        """The serialised states that others are made from: with a ball, and without."""
        package, game = load_ale(), self._game
        balls = [cell for cell in game.cells if cell.of_ball]
        found = {}
        for _ in range(10):
            self._ale.act(NOOP)
        if balls and not balls[0].read(self._ale.getRAM()):
            found[False] = self._ale.cloneState().__getstate__()
        for frame in range(MOST_SERVING):
            fire = game.serve and frame % 20 == 10
            self._ale.act(package.Action.FIRE if fire else NOOP)
            here = not balls or balls[0].read(self._ale.getRAM())
            if frame >= game.warm and here:
                break
        found[True] = self._ale.cloneState().__getstate__()
        return found
