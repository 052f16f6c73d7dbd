"""The likelihood weighs more where less is to be seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.training.recipes.recon_weight import FRAMES, REFERENCE, recon_weight
from bvae_rl.training.recipes.table import RECIPES, recipe

DIM = 51  # of 255: a fifth of the range


def add(store: FrameStore, side: int, value: int, count: int = 100) -> FrameStore:
    """Append black frames; a square in every second one."""
    frames = np.zeros((count, 64, 64, 3), np.uint8)
    frames[::2, :side, :side] = value
    numbers = np.arange(len(store), len(store) + count, dtype=np.int64)
    store.append(Frames(frames, episode=np.zeros_like(numbers), state=numbers))
    return store


def squares(folder: Path, side: int, value: int) -> FrameStore:
    return add(FrameStore(folder), side, value)


@pytest.mark.parametrize("side", [2, 4, 8, 16])
def test_the_mean_picture_costs_as_much_in_every_world(side: int, tmp_path: Path) -> None:
    weight = recon_weight(squares(tmp_path, side, 5 * DIM))
    # half of the range away from the mean, and ten times as much where the square is
    nats = 20.0 * 3 * side**2 * 0.5**2 * (10 + 1) / 2
    times = weight / 20.0
    assert times == 2 ** round(np.log2(REFERENCE / nats))
    assert 2**-0.5 <= times * nats / REFERENCE <= 2**0.5


def test_it_is_never_less_than_usual_and_ends_at_64_times(tmp_path: Path) -> None:
    assert recon_weight(squares(tmp_path / "large", 32, 255)) == 20.0
    assert recon_weight(squares(tmp_path / "dim", 1, DIM)) == 64 * 20.0
    assert recon_weight(squares(tmp_path / "empty", 1, 0)) == 20.0


def test_all_of_a_store_is_looked_at(tmp_path: Path) -> None:
    store = add(squares(tmp_path, 8, 0), 8, 0, count=6_000)
    add(store, 8, 255, count=2_100)
    assert len(store) > FRAMES and recon_weight(store) == 160.0  # 80 of the last 2,100 alone


def test_recipes_take_it_unless_something_else_is_said(tmp_path: Path) -> None:
    store = squares(tmp_path, 8, 255)
    found = recon_weight(store)
    assert found == 80.0
    for row in ("plain", "beta_late", "tc"):
        assert recipe(row).make_config(store).recon_weight == found
    assert recipe("plain:recon_weight=20").make_config(store).recon_weight == 20.0
    plain = RECIPES["plain"]
    assert replace(plain, preset="paper").make_config(store).recon_weight == 1.0
    bernoulli = replace(plain, model={"likelihood": "bernoulli"}).make_config(store)
    assert (bernoulli.likelihood, bernoulli.recon_weight) == ("bernoulli", 20.0)
