"""What is seldom to be seen at a pixel counts more there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import bvae_rl
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.models.vae import VAEConfig
from bvae_rl.scripts.evidence.units import follows_from
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.scripts.pretrain.args import recipe_of
from bvae_rl.training.batches.batch import Batch, frames_at
from bvae_rl.training.batches.pixel_weights import Weighting, as_weighting, foreground, weigher
from bvae_rl.training.batches.rare_pixels import (
    change_rate,
    rare,
    seldomness,
    shows_rare_things,
)
from bvae_rl.training.recipes.table import FOREGROUND, recipe
from bvae_rl.training.train_config import TrainConfig

SIDE, COUNT = 32, 1_600


def stored(folder: Path, frames: np.ndarray) -> FrameStore:
    store, numbers = FrameStore(folder), np.arange(len(frames))
    store.append(Frames(frames, episode=np.zeros_like(numbers), state=numbers))
    return store


def flickering() -> np.ndarray:
    """Dark grey frames with the noise of a sensor; what is above is lit in every fourth."""
    noise = np.random.default_rng(0).integers(-5, 6, (COUNT, SIDE, SIDE, 3))
    frames = (40 + noise).astype(np.uint8)
    frames[::4, :4] = 200
    return frames


@pytest.fixture(scope="module")
def ball(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """A ball of one pixel, at each place below in two frames, one of those on the left three."""
    frames = flickering()
    places = np.arange(COUNT) % 800
    frames[np.arange(COUNT), 4 + places // SIDE, places % SIDE] = 255
    return stored(tmp_path_factory.mktemp("ball"), frames)


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """A block of 8 x 8 that is at each of 16 places equally often."""
    frames = np.full((COUNT, SIDE, SIDE, 3), 40, np.uint8)
    for number, frame in enumerate(frames):
        row, column = divmod(number % 16, 4)
        frame[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = 255
    return stored(tmp_path_factory.mktemp("block"), frames)


def test_how_often_a_pixel_shows_another_thing(ball: FrameStore) -> None:
    rate = change_rate(ball)
    assert (rate[:4] == 0.25).all()
    assert (rate[4:29] == 2 / COUNT).all()
    assert (rate[29:] == 0).all()  # noise is no other thing


def test_seldom_is_measured_by_a_change_chosen_by_lot(ball: FrameStore) -> None:
    rate = np.array([[0.5, 0.1, 0.0]])
    usual = (0.25 + 0.01) / 0.6
    assert seldomness(rate) == pytest.approx(np.array([[1.0, usual / 0.1, 1.0]]))
    assert (seldomness(np.zeros((2, 2))) == 1.0).all()
    weights = rare(ball)
    assert weights.shape == (1, 1, SIDE, SIDE)
    top, flown, never = weights[0, 0, :4], weights[0, 0, 4:29], weights[0, 0, 29:]
    assert (top == 1).all() and (never == 1).all()
    often, seldom = 0.25, 2 / COUNT
    usual = (128 * often**2 + 800 * seldom**2) / (128 * often + 800 * seldom)
    assert torch.allclose(flown, torch.full_like(flown, usual / seldom))


def test_a_batch_gets_both_weights(ball: FrameStore) -> None:
    x = frames_at(ball, np.arange(4))
    weigh, things = weigher(Weighting("rare", 7.0), ball, 100), foreground(x, 7.0)
    for step in (0, 30):
        batch = weigh(Batch(x), step)
        assert torch.equal(batch.weight, rare(ball) * things) and batch.weight2 is None
    for step, power in ((45, 0.7), (60, 0.4), (99, 0.4)):
        assert torch.allclose(weigh(Batch(x), step).weight, rare(ball) ** power * things)
    pair = weigh(Batch(x, x.flip(0)), 0)
    assert torch.equal(pair.weight2, pair.weight.flip(0))


def test_recipes_weigh_rare_things_where_there_are_some(
    ball: FrameStore, block: FrameStore, tmp_path: Path
) -> None:
    empty = stored(tmp_path / "empty", np.zeros((8, SIDE, SIDE, 3), np.uint8))
    assert [shows_rare_things(store) for store in (ball, block, empty)] == [True, False, False]
    for row in ("plain", "beta_late", "plain:recon_weight=20"):
        assert recipe(row).make_weighting(ball) == Weighting("rare", FOREGROUND.factor)
        assert recipe(row).make_weighting(block) == FOREGROUND
    assert recipe("tc").make_weighting(ball) is None  # an objective as it comes


@pytest.mark.parametrize(
    ("given", "kind"),
    [(None, "rare"), ("auto", "rare"), ("foreground", "foreground"), ("rare", "rare")],
)
def test_what_is_given_is_kept(given: str | None, kind: str, ball: FrameStore) -> None:
    args = pretrain.Args.of(ball.folder, weighting=given, weighting_factor=3.0)
    found = recipe_of(args, ball, say_why=False).make_weighting(ball)
    assert found == Weighting(kind, 3.0)
    none = pretrain.Args.of(ball.folder, weighting="none")
    assert recipe_of(none, ball, say_why=False).make_weighting(ball) is None
    with pytest.raises(ValueError, match="--weighting-factor 3 has nothing to say"):
        recipe_of(none.but(weighting_factor=3.0), ball)


def test_a_weighting_has_a_name(ball: FrameStore, block: FrameStore, tmp_path: Path) -> None:
    assert as_weighting("rare", block) == as_weighting(Weighting("rare"), block)
    assert as_weighting("auto", ball) == Weighting("rare")
    assert as_weighting("auto", block) == Weighting("foreground")
    assert as_weighting(None, ball) is as_weighting("none", ball) is None
    known = "unknown weighting 'rarre'; known: auto, none, foreground, motion, rare"
    with pytest.raises(ValueError, match=known):
        bvae_rl.pretrain(ball, out=tmp_path / "no", weighting="rarre")
    tiny = VAEConfig((3, SIDE, SIDE), 4, channels=(8, 8, 8), hidden=16)
    settings = {"harden": "none", "steps": 2, "verbose": 0, "train": TrainConfig(batch_size=8)}
    for name, kind in (("none", None), ("auto", "rare")):
        vae = bvae_rl.pretrain(
            ball, tiny, recipe="plain", out=tmp_path / name, weighting=name, **settings
        )
        assert (vae.meta["training"]["weighting"] or {}).get("kind") == kind


def test_units_of_evidence_tell_what_follows_from_the_frames(
    ball: FrameStore, block: FrameStore
) -> None:
    found = follows_from(recipe("plain"), ball)
    assert found == {"recon_weight": 80.0, "weighting": Weighting("rare")}
    assert follows_from(recipe("plain"), block) == {}
