"""How a factor of an Atari game stands in the console's memory: 128 bytes, ``ram`` (128,) uint8.

All values are whole numbers. Positions are in pixels of the game's own picture, 160 wide and 210
high, from its upper left corner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bvae_rl.data.factors import FactorSpec, Kind

Pokes = Mapping[int, int]  # address and byte


class Cell(Protocol):
    """One factor: where it is read, and what has to be written for it to be read there.

    ``least`` and ``most`` bound what is drawn; the range of ``spec`` is what can be read. Of a
    ``ball``'s cells all read 0 while there is none.
    """

    @property
    def spec(self) -> FactorSpec: ...
    @property
    def least(self) -> int: ...
    @property
    def most(self) -> int: ...
    @property
    def of_ball(self) -> bool: ...

    def read(self, ram: np.ndarray) -> int:
        """The value that ``ram`` holds."""
        ...

    def pokes(self, value: int) -> Pokes:
        """The bytes to write for ``value``; some may be outside of 0 to 255, which cannot be."""
        ...


@dataclass(frozen=True)
class Ball:
    """Whether there is a ball: the byte at ``address`` is in ``[low, high]``. Not to be written."""

    address: int
    low: int
    high: int
    name: str = "ball"
    least: int = 1  # drawn states have one, since without one its position means nothing
    most: int = 1
    of_ball: bool = True

    @property
    def spec(self) -> FactorSpec:
        return FactorSpec(self.name, "categorical", values=(0.0, 1.0))

    def read(self, ram: np.ndarray) -> int:
        return int(self.low <= ram[self.address] <= self.high)

    def pokes(self, value: int) -> Pokes:
        return {}


@dataclass(frozen=True)
class Place:
    """A position: ``offset`` plus, or with the ``sign`` -1 less, the byte at ``address``. It is
    written at ``at`` if that is elsewhere.

    ``reads`` is the range of what can be read. With a ``period`` the position goes round. ``ball``:
    it is the ball's, and means something only while there is one.
    """

    name: str
    address: int
    offset: int
    least: int
    most: int
    reads: tuple[int, int]
    at: tuple[int, ...] = ()
    sign: int = 1
    period: int = 0
    ball: Ball | None = None

    @property
    def of_ball(self) -> bool:
        return self.ball is not None

    @property
    def spec(self) -> FactorSpec:
        low, high = self.reads
        kind: Kind = "cyclic" if self.period else "continuous"
        return FactorSpec(self.name, kind, low=float(low), high=float(high), unit="px")

    def read(self, ram: np.ndarray) -> int:
        if self.ball is not None and not self.ball.read(ram):
            return 0
        place = self.offset + self.sign * int(ram[self.address])
        return place % self.period if self.period else place

    def pokes(self, value: int) -> Pokes:
        byte = self.sign * (value - self.offset)
        byte = byte % self.period if self.period else byte
        return dict.fromkeys(self.at or (self.address,), byte)


@dataclass(frozen=True)
class Number:
    """A number in one byte; with ``decimals`` in several addresses, the highest digits first, two
    digits a byte (binary-coded decimals).
    """

    name: str
    addresses: tuple[int, ...]
    least: int
    most: int
    reads_to: int
    decimals: bool = True
    unit: str = "points"
    of_ball: bool = False

    @property
    def spec(self) -> FactorSpec:
        return FactorSpec(self.name, low=0.0, high=float(self.reads_to), unit=self.unit)

    def read(self, ram: np.ndarray) -> int:
        value = 0
        for address in self.addresses:
            byte = int(ram[address])
            value = 100 * value + (decimal(byte) if self.decimals else byte)
        return value

    def pokes(self, value: int) -> Pokes:
        if not self.decimals:
            return {self.addresses[0]: value}
        found = {}
        for address in reversed(self.addresses):
            value, pair = divmod(value, 100)
            found[address] = coded(pair)
        return found


@dataclass(frozen=True)
class Clock:
    """Seconds left: minutes in the upper half of the byte ``minutes``, whose lower half is
    ``beside``; seconds as two decimals in ``seconds``.
    """

    name: str
    minutes: int
    seconds: int
    beside: int
    least: int
    most: int
    reads_to: int
    of_ball: bool = False

    @property
    def spec(self) -> FactorSpec:
        return FactorSpec(self.name, low=0.0, high=float(self.reads_to), unit="s")

    def read(self, ram: np.ndarray) -> int:
        return 60 * (int(ram[self.minutes]) >> 4) + decimal(int(ram[self.seconds]))

    def pokes(self, value: int) -> Pokes:
        minutes, seconds = divmod(value, 60)
        return {self.minutes: 16 * minutes + self.beside, self.seconds: coded(seconds)}


# The bits of the half bricks of a row from left to right, as (group of bytes, bit): the console
# draws every second of these bytes backwards.
HALVES = (
    *((30, bit) for bit in (6, 7)),
    *((24, bit) for bit in range(7, -1, -1)),
    *((18, bit) for bit in range(8)),
    *((12, bit) for bit in range(4, 8)),
    *((6, bit) for bit in range(7, -1, -1)),
    *((0, bit) for bit in range(6)),
)
SPARE = {12: 0b1111}  # bits that are not drawn, as the game sets them
ROWS = 6
WALL = tuple((group + row, bit) for row in range(ROWS) for group, bit in HALVES)
ADDRESSES, BITS = np.array(WALL, np.uint8).T


@dataclass(frozen=True)
class Bricks:
    """How many bricks of a wall stand: six rows from the lowest, each of 18 from the left, two bits
    a brick.

    Of the walls with n bricks the one is set whose missing bricks are the lowest, from the left.
    """

    name: str = "bricks"
    least: int = 1  # without a brick the game builds a new wall
    most: int = 108
    of_ball: bool = False

    @property
    def spec(self) -> FactorSpec:
        return FactorSpec(self.name, low=0.0, high=float(self.most), unit="bricks")

    def read(self, ram: np.ndarray) -> int:
        return int(((ram[ADDRESSES] >> BITS) & 1).sum()) // 2

    def pokes(self, value: int) -> Pokes:
        found = {group + row: SPARE.get(group, 0) for row in range(ROWS) for group, _ in HALVES}
        for address, bit in WALL[2 * (self.most - value) :]:
            found[address] |= 1 << bit
        return found


def decimal(byte: int) -> int:
    """The number 0 to 99 that a byte holds as two decimal digits."""
    return 10 * (byte >> 4) + (byte & 15)


def coded(number: int) -> int:
    """The byte that holds the number 0 to 99 as two decimal digits."""
    return 16 * (number // 10) + number % 10
