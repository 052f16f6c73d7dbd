"""Pictures of any number of channels can be made smaller; grey is of colours alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bvae_rl.data.pictures.resize import convert_bytes
from bvae_rl.data.sources import as_store
from bvae_rl.data.view import View


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 12])
def test_large_pictures_keep_their_channels(channels: int, tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (3, 200, 160, channels), dtype=np.uint8)
    store = as_store(pictures, tmp_path, frames=3, seed=0)
    assert store.shape == (channels, 128, 102)
    small = convert_bytes(pictures, (channels, 100, 80)).astype(int)  # means of 2 x 2 pixels
    mean = pictures.reshape(3, 100, 2, 80, 2, channels).mean((2, 4))
    assert np.abs(small - mean).max() <= 1.0


@pytest.mark.parametrize("channels", [2, 12])
def test_grey_of_other_channels_is_refused(channels: int, tmp_path: Path) -> None:
    pictures = np.zeros((3, 40, 40, channels), np.uint8)
    with pytest.raises(ValueError, match=f"1, 3 or 4 channels, and these have {channels}"):
        as_store(pictures, tmp_path, frames=3, seed=0, view=View(grey=True))
