"""Films of pages: GIF and MP4, and what they refuse."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from bvae_rl.plots import back_and_forth, gif, mp4, traversal_pages


def pages(count: int = 6, height: int = 33, width: int = 47) -> list[np.ndarray]:
    return [np.full((height, width, 3), 40 * n, np.uint8) for n in range(count)]


def test_a_gif_shows_all_pages_round_and_round() -> None:
    film: Any = Image.open(BytesIO(gif(pages(), 10, last=None)))
    assert film.n_frames == 6 and film.info["loop"] == 0 and film.size == (47, 33)
    film.seek(3)
    assert abs(int(np.asarray(film.convert("RGB")).mean()) - 120) < 3


@pytest.mark.parametrize("fps", [7, 12, 30, 40, 50])
def test_a_gif_is_as_long_as_it_says(fps: int) -> None:
    shown = [np.full((4, 4, 3), k, np.uint8) for k in range(2 * fps)]
    film: Any = Image.open(BytesIO(gif(shown, fps, last=None)))
    lasted = 0
    for page in range(film.n_frames):
        film.seek(page)
        lasted += film.info["duration"]
    assert lasted == 2000  # ms


def test_an_mp4_is_read_back_with_its_colours(tmp_path: Path) -> None:
    shown = np.zeros((33, 47, 3), np.uint8)
    shown[..., 0] = 200  # red
    path = tmp_path / "film.mp4"
    path.write_bytes(mp4([shown] * 5, 10))
    film = cv2.VideoCapture(str(path))
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 5 and film.get(cv2.CAP_PROP_FPS) == 10
    ok, page = film.read()
    assert ok and page.shape == (34, 48, 3)  # even sides
    assert page[:30, :40, 2].mean() > 180 and page[:30, :40, :2].mean() < 25  # BGR


def test_a_film_goes_back_without_a_jump() -> None:
    film = back_and_forth(pages(4))
    assert [int(page[0, 0, 0]) // 40 for page in film] == [0, 1, 2, 3, 2, 1]
    assert len(back_and_forth(pages(1))) == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_every_latent_of_a_traversal_moves_on_each_page(channels: int) -> None:
    images = np.zeros((3, 4, 16, 24, channels), np.uint8)
    images[1, 2:] = 255
    film = traversal_pages(images, ["z0", "content 1\ntarget x 76%", "z2"])
    assert len(film) == 4 and len({page.shape for page in film}) == 1
    assert np.array_equal(film[0], film[1]) and np.array_equal(film[2], film[3])
    assert (film[1] != film[2]).any()


def test_what_is_no_film_is_refused() -> None:
    with pytest.raises(ValueError, match="of one size"):
        gif([], 10)
    with pytest.raises(ValueError, match="at 0 a second"):
        mp4(pages(2), 0)
    with pytest.raises(ValueError, match="2 labels; pass R of both"):
        traversal_pages(np.zeros((3, 4, 16, 16, 3), np.uint8), ["a", "b"])
