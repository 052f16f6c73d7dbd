"""Which frames the pictures of a VAE show: random, worst and most different, of the whole store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.training.pictures import figures
from bvae_rl.training.pictures.decoded import decode, traversals
from bvae_rl.training.pictures.of_vae import write_vae_pictures
from bvae_rl.training.pictures.shown_frames import chosen, frames_to_show, seen


def shades(count: int, *, odd: int) -> np.ndarray:
    """Frames in one shade of grey, one of them (``odd``) bright."""
    frames = np.full((count, 32, 32, 3), 60, np.uint8)
    frames[odd] = 250
    return frames


def test_frames_are_random_worst_and_most_different() -> None:
    frames = shades(200, odd=150)
    decoded = frames.copy()
    decoded[120, :8] = 0
    decoded[31, :4] = 0
    kinds = chosen(frames, decoded, seed=3)
    assert list(kinds) == ["random", "worst", "most different"]
    assert kinds["worst"][:2].tolist() == [120, 31] and len(kinds["worst"]) == 10
    assert kinds["most different"][0] == 150 and len(kinds["most different"]) == 2  # others equal
    assert len(np.unique(kinds["random"])) == 10 and kinds["random"].max() > 20
    again = chosen(frames, decoded, seed=3)
    assert all(np.array_equal(again[kind], kinds[kind]) for kind in kinds)
    assert not np.array_equal(chosen(frames, decoded, seed=4)["random"], kinds["random"])


@pytest.mark.parametrize("count", [1, 2, 10])
def test_a_handful_of_frames_is_shown_whole(count: int) -> None:
    frames = shades(count, odd=0)
    assert chosen(frames, frames)["all"].tolist() == list(range(count))


def test_frames_come_from_the_whole_store_and_are_held_out_where_there_are_enough(
    tmp_path: Path,
) -> None:
    frames = np.zeros((600, 32, 32, 1), np.uint8)
    frames[:, 0, 0, 0], frames[:, 0, 1, 0] = np.divmod(np.arange(600), 256)
    store = FrameStore(tmp_path)
    store.append(Frames(frames, np.arange(600) // 60, np.arange(600)))

    def numbers(shown: np.ndarray) -> np.ndarray:
        return shown[:, 0, 0, 0].astype(int) * 256 + shown[:, 0, 1, 0]

    held = numbers(frames_to_show(store, validation=0.1))
    assert 20 < len(held) < 120 and held.min() < 60 and held.max() > 540
    assert len(numbers(frames_to_show(store, validation=0.001))) == 600


def test_any_number_of_channels_can_be_seen() -> None:
    frames = np.arange(2 * 12, dtype=np.uint8).reshape(1, 1, 2, 12)
    assert seen(frames[..., :1], "other").shape == (1, 1, 2, 1)
    assert np.array_equal(seen(frames[..., :3], "RGB"), frames[..., :3])
    assert np.array_equal(seen(frames[..., :3], "BGR"), frames[..., 2::-1])
    assert np.array_equal(seen(frames[..., :9], "RGB"), frames[..., 6:9])  # of a stack, the last
    assert np.array_equal(seen(frames[..., :4], "other"), frames[..., 3:4])
    assert np.array_equal(seen(frames[..., :12], "other"), frames[..., 11:])


@pytest.mark.parametrize(("channels", "count"), [(1, 3), (4, 30)])
def test_pictures_are_the_same_for_the_same_seed(
    tmp_path: Path, channels: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MOST_ROWS", 2)
    monkeypatch.setattr(figures, "FIRST", 1)
    torch.manual_seed(0)
    config = VAEConfig((channels, 32, 32), 3, channels=(8, 8, 8), hidden=16, channel_order="other")
    vae = BetaVAE(config).train()
    frames = np.random.default_rng(0).integers(0, 255, (count, 32, 32, channels), dtype=np.uint8)
    paths = write_vae_pictures(vae, frames, tmp_path / "a")
    assert vae.training
    assert {path.stem for path in paths} == {
        "reconstructions", "traversals", "traversals_elsewhere", "kl"
    }  # fmt: skip
    for path in write_vae_pictures(vae, frames, tmp_path / "b", elsewhere=False):
        assert path.read_bytes() == (tmp_path / "a" / path.name).read_bytes()
    assert not (tmp_path / "b" / "traversals_elsewhere.png").exists()


def test_traversals_start_where_they_are_told() -> None:
    torch.manual_seed(0)
    vae = BetaVAE(VAEConfig((3, 32, 32), 3, channels=(8, 8, 8), hidden=16)).eval()
    mu = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    start = mu[7].copy()
    start[1] = mu[:, 1].mean()
    found = traversals(vae, mu, [1], start=mu[7])
    assert np.array_equal(found[0, 4], decode(vae, start[None])[0])  # the middle: at its mean
    nearest = mu[np.argmin(((mu - mu.mean(0)) ** 2).sum(1))]
    assert np.array_equal(traversals(vae, mu, [1]), traversals(vae, mu, [1], start=nearest))
