"""The sheet of variations: a row of frames as recorded, one for each kind, and one of all."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from bvae_rl.training.pictures.variations import variations_sheet


def frames(channels: int = 3, n: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 32, 32, channels), np.uint8)


def board(*names: str, channels: int = 3, **options: object) -> tuple[np.ndarray, list[str]]:
    figure = variations_sheet(frames(channels), names, **options)  # type: ignore[arg-type]
    (ax,) = figure.axes
    return np.array(ax.images[0].get_array()), [label.get_text() for label in ax.get_yticklabels()]


def test_rows_in_the_order_of_application() -> None:
    shown, labels = board("noise", "colour")
    assert labels == ["as recorded", "colour", "noise", "as trained"]
    assert np.array_equal(shown[:32, :32], frames()[0])
    assert not np.array_equal(shown[35:67, :32], frames()[0])
    assert np.array_equal(shown, board("colour", "noise")[0])
    assert not np.array_equal(shown, board("colour", "noise", seed=1)[0])


def test_one_variation_has_one_row_and_strength_0_shows_the_frames() -> None:
    shown, labels = board("light", channels=1, strength=0.0)
    assert labels == ["as recorded", "light"]
    assert np.array_equal(shown[:32], shown[35:])


def test_stacks_show_their_last_picture() -> None:
    shown, _ = board("light", channels=6, channel_order="BGR")
    assert np.array_equal(shown[:32, :32], frames(6)[0][..., :2:-1])


def test_frames_that_a_variation_cannot_change_are_refused() -> None:
    with pytest.raises(ValueError, match="'colour' needs pictures of 3 channels"):
        board("colour", channels=1)
