"""The verdict after pretraining: what is missing is said to be, and what is kept is not accused."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import bvae_rl
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.training.batches.batch import frames_at
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.schedules import Constant
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.verdict.judge import judge
from bvae_rl.training.verdict.words import missing, sentences

SIDE, EPISODES, STEPS = 32, 8, 16
CONFIG = VAEConfig(shape=(3, SIDE, SIDE), latent_dim=6, channels=(8, 8, 8), hidden=16)
TRAIN = TrainConfig(
    batch_size=32, warmup=5, log_freq=50, save_freq=500, precision="float32", validation=0.2
)
Draw = Callable[[int, int], np.ndarray]  # episode, step -> a frame


def store_of(
    folder: Path, draw: Draw, *, episodes: int = EPISODES, steps: int = STEPS
) -> FrameStore:
    store = FrameStore(folder)
    frames = np.stack([draw(e, t) for e in range(episodes) for t in range(steps)])
    episode = np.repeat(np.arange(episodes), steps)
    store.append(Frames(frames, episode, np.arange(len(frames))))
    return store


BUSY = np.kron(
    np.random.default_rng(0).integers(40, 200, (SIDE // 4, SIDE // 4, 3)), np.ones((4, 4, 1))
).astype(np.uint8)
PLAIN = np.full((SIDE, SIDE, 3), 30, np.uint8)


def ball(background: np.ndarray, e: int, t: int, side: int = 2) -> np.ndarray:
    """A white square on its way, elsewhere in each episode."""
    frame = background.copy()
    y, x = (7 * e + 3 * t) % (SIDE - side), (11 * e + 5 * t) % (SIDE - side)
    frame[y : y + side, x : x + side] = 255
    return frame


def sky(e: int, t: int) -> np.ndarray:
    """The upper half gets brighter from episode to episode; a ball flies over all."""
    frame = BUSY // 2
    frame[: SIDE // 2] += np.uint8(15 * e)
    return ball(frame, e, t)


class Drawer(nn.Module):
    """A "VAE" whose reconstruction of x is ``draw(x)``."""

    def __init__(self, draw: Callable[[Tensor], Tensor], config: VAEConfig = CONFIG) -> None:
        super().__init__()
        self.draw, self.config = draw, config
        self.weight = nn.Parameter(torch.zeros(1))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, torch.zeros_like(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.draw(z)


def judged(store: FrameStore, draw: Callable[[Tensor], Tensor]) -> dict[str, float]:
    return judge(Drawer(draw), store, np.arange(len(store)))[0]  # type: ignore[arg-type]


def without_ball(x: Tensor) -> Tensor:
    """Each white pixel takes the colour of one nearby that is not."""
    white = (x == 1.0).all(dim=1, keepdim=True)
    return torch.where(white, x.roll(4, dims=3), x)


def test_a_lost_ball_is_missing_although_the_pixels_are_explained(tmp_path: Path) -> None:
    store = store_of(tmp_path, sky)
    scores = judged(store, without_ball)
    assert scores["vae/explained"] > 0.8
    assert scores["vae/explained_motion"] < 0.2
    assert scores["vae/missed_motion"] > 0.6
    assert "vae/explained_foreground" not in scores  # no colour fills half of this background
    assert missing(scores) == {"motion": True}
    kept = judged(store, lambda x: x)
    assert kept["vae/explained"] == kept["vae/explained_motion"] == 1.0
    assert kept["vae/missed_motion"] == 0.0 and not missing(kept)


def test_a_lost_ball_beside_a_large_thing_is_missing_by_its_places(tmp_path: Path) -> None:
    def two(e: int, t: int) -> np.ndarray:
        frame = PLAIN.copy()
        top = (e + t) % (SIDE - 14)
        frame[top : top + 14, 3:17] = (255, 230, 0)
        y, x = (5 * e + 3 * t) % (SIDE - 2), 20 + (7 * e + 3 * t) % 10
        frame[y : y + 2, x : x + 2] = 255
        return frame

    store = store_of(tmp_path, two)
    scores = judged(store, without_ball)
    assert scores["vae/explained_motion"] > 0.5 and scores["vae/explained_foreground"] > 0.8
    assert missing(scores)["motion"] is False


def test_shares_have_closed_forms(tmp_path: Path) -> None:
    """A square of 4 x 4 in one of two places; half of its brightness is drawn."""

    def blink(e: int, t: int) -> np.ndarray:
        frame = np.zeros((SIDE, SIDE, 3), np.uint8)
        frame[8:12, 20 * (t % 2) : 20 * (t % 2) + 4] = 200
        return frame

    store = store_of(tmp_path, blink)
    scores = judged(store, lambda x: 0.75 * x)
    # the mean picture is 100 at both places: of 100^2 each, 50^2 is left at one of them
    assert scores["vae/explained"] == pytest.approx(1 - 0.25 / 2, abs=1e-5)
    assert scores["vae/explained_motion"] == pytest.approx(1 - 0.25 / 2, abs=1e-5)
    assert scores["vae/explained_foreground"] == pytest.approx(1 - 0.25, abs=1e-5)
    assert scores["vae/pixel_variance"] == pytest.approx((100 / 255) ** 2 * 32 / SIDE**2, rel=1e-4)


def test_the_worst_frames_are_named_by_their_row(tmp_path: Path) -> None:
    store = store_of(tmp_path, lambda e, t: ball(PLAIN, e, t, 1 + (e == 5) + 2 * (t == 7)))
    dark = Drawer(lambda x: torch.full_like(x, 30 / 255))
    rows = np.arange(4, len(store))
    _, worst = judge(dark, store, rows)  # type: ignore[arg-type]
    assert worst[0] == 5 * STEPS + 7
    assert sorted(worst[1:8]) == [e * STEPS + 7 for e in range(EPISODES) if e != 5]


def test_frames_that_are_all_the_same_are_said_to_be(tmp_path: Path) -> None:
    store = store_of(tmp_path, lambda e, t: BUSY)
    scores = judged(store, lambda x: x * 0.5)
    assert scores == {"vae/pixel_variance": pytest.approx(0.0, abs=1e-9)}
    vae = BetaVAE(CONFIG)
    vae.meta = {"scores": {"validation": scores}}
    (said,) = sentences(vae)
    assert "all held-out frames are the same" in said.lower()


@pytest.mark.parametrize("steps", [1, 2])
def test_stores_of_single_states_and_grey_ones_are_judged(tmp_path: Path, steps: int) -> None:
    config = replace(CONFIG, shape=(1, SIDE, SIDE), levels=3, likelihood="bernoulli")
    store = store_of(tmp_path, lambda e, t: ball(PLAIN, e, t)[..., :1], episodes=70, steps=steps)
    scores, worst = judge(BetaVAE(config).train(), store, np.array([3, 9, 20]))
    assert ("vae/explained_motion" in scores) == (steps == 2)
    assert all(np.isfinite(list(scores.values()))) and sorted(worst) == [3, 9, 20]


def test_where_the_whole_picture_moves_that_is_not_told_apart(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    store = store_of(tmp_path, lambda e, t: noise.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8))
    assert set(judged(store, lambda x: x)) == {"vae/pixel_variance", "vae/explained"}


def trained(store: FrameStore, out: Path, steps: int, **options: Any) -> BetaVAE:
    objective = BetaVAEObjective(Constant(0.1))
    return train_vae(store, CONFIG, objective, steps=steps, seed=0, out=out, train=TRAIN, **options)


def test_a_short_training_that_loses_a_ball_says_so_and_one_that_keeps_it_is_not_accused(
    tmp_path: Path,
) -> None:
    small = store_of(tmp_path / "small", lambda e, t: ball(BUSY, e, t), episodes=16)
    lost = trained(small, tmp_path / "lost", 100)
    assert "What moves is missing. Try" in " ".join(sentences(lost))

    def large(e: int, t: int) -> np.ndarray:
        frame, x = PLAIN.copy(), (5 * e + 3 * t) % 20
        frame[10:22, x : x + 12] = (255, 230, 0)
        return frame

    kept = trained(store_of(tmp_path / "large", large, episodes=16), tmp_path / "kept", 200)
    assert "Most of what moves" in " ".join(sentences(kept))

    again = BetaVAE.load(tmp_path / "lost")
    scores = again.meta["scores"]["validation"]
    assert scores == lost.meta["scores"]["validation"]
    rows = Rows(small, validation=TRAIN.validation).validation
    assert set(again.meta["worst_frames"]) <= set(rows.tolist())
    recon = again.decode(again.encode(frames_at(small, rows))[0]).detach()
    x = frames_at(small, rows)
    share = 1 - (x - recon).square().sum() / (x - x.mean(0)).square().sum()
    assert scores["vae/explained"] == pytest.approx(float(share), abs=1e-4)
    with (tmp_path / "lost" / "log.csv").open() as file:
        log = list(csv.DictReader(file))
    assert np.isfinite([float(row["vae/elbo"]) for row in log]).all() and len(log) == 2
    assert "vae/explained" not in log[0]  # no step pays for it


@pytest.mark.usefixtures("pictures")
def test_pretrain_ends_with_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = store_of(tmp_path / "frames", lambda e, t: ball(BUSY, e, t))
    small = {"channels": (8, 8, 8), "hidden": 16, "content_dim": 4, "style_dim": 2, "train": TRAIN}
    pretrain.main(
        pretrain.Args.of(store.folder, out=tmp_path / "vae", steps=20, harden=("none",), **small)
    )
    streams = capsys.readouterr()
    for words in (
        "evidence lower bound", "Of the variance of the held-out pixels",
        "What moves is missing. Try, into another folder: longer first, since 20 batches are a "
        "first look (--steps 24000), --objective slow --weighting motion.",
        f"{tmp_path / 'vae' / 'reconstructions.png'} shows the worst frames (rows ",
    ):  # fmt: skip
        assert words in " ".join(streams.out.split())
    assert "lower bound" in streams.err  # beside the bar
    config = json.loads((tmp_path / "vae" / "config.json").read_text())
    assert config["scores"]["validation"]["vae/missed_motion"] > 0.5
    assert config["training"]["callbacks"] == [
        "bvae_rl.scripts.pretrain.watched.every_step.<locals>.<lambda>",
        "bvae_rl.scripts.pretrain.watched.pictures.<locals>.draw",
    ]


@pytest.mark.usefixtures("pictures")
def test_the_library_says_the_same_and_draws(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_of(tmp_path / "frames", lambda e, t: ball(BUSY, e, t))
    with caplog.at_level(logging.DEBUG):
        for _ in range(2):  # what is finished says it again
            caplog.clear()
            bvae_rl.pretrain(
                store, CONFIG, BetaVAEObjective(Constant(1.0)), steps=20, out=tmp_path / "vae",
                train=replace(TRAIN, log_freq=10),
            )  # fmt: skip
            said = [record.getMessage() for record in caplog.records if record.levelno == 20]
            assert said[-1].startswith(
                f"{tmp_path / 'vae' / 'reconstructions.png'} shows the worst"
            )
            assert 'recipe="slow", weighting="motion"' in caplog.text
            assert "evidence lower bound" in said[-6]
    assert sorted(path.name for path in (tmp_path / "vae").glob("*.png")) == [
        "kl.png", "reconstructions.png", "traversals.png", "traversals_elsewhere.png"
    ]  # fmt: skip


def test_a_vae_says_in_a_line_what_it_is(tmp_path: Path) -> None:
    vae = BetaVAE(replace(CONFIG, groups={"content": (0, 4), "style": (4, 6)}))
    assert repr(vae) == "BetaVAE(3x32x32, 6 latents (content 4, style 2), untrained)"
    vae.meta = {"finished": False, "training": {"step": 20, "steps": 50, "store": {"env": "W-v0"}}}
    assert repr(vae).endswith("trained on W-v0 for 20 steps of 50, unfinished)")
