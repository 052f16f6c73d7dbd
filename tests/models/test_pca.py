from __future__ import annotations

import json

import numpy as np
import pytest

from bvae_rl.models.pca import PCAEncoder


def _frames(n=300, side=16, seed=0):
    """Frames of a few smooth patterns of falling strength, plus noise."""
    rng = np.random.default_rng(seed)
    patterns = rng.standard_normal((8, side * side * 3)) * 0.7 ** np.arange(8)[:, None]
    values = 128 + 15 * rng.standard_normal((n, 8)) @ patterns + rng.standard_normal((n, 1))
    return np.clip(values, 0, 255).astype(np.uint8).reshape(n, side, side, 3)


def test_codes_are_those_of_whitened_pca():
    frames = _frames()
    encoder = PCAEncoder.fit(frames, 4, seed=0)
    flat = frames.reshape(len(frames), -1) / 255.0
    pca = pytest.importorskip("sklearn.decomposition").PCA
    reference = pca(4, whiten=True, svd_solver="full").fit(flat)
    expected = reference.transform(flat) * np.sqrt(len(flat) / (len(flat) - 1))  # ddof 1 -> 0
    codes = encoder.encode_frames(frames)
    signs = np.sign((codes * expected).sum(0))
    np.testing.assert_allclose(codes, expected * signs, atol=2e-3)
    assert codes.dtype == np.float32 and encoder.shape == (3, 16, 16)


def test_codes_have_the_stated_statistics():
    frames = _frames()
    encoder = PCAEncoder.fit(frames, 4, seed=0)
    mean, std = encoder.statistics()
    codes = encoder.encode_frames(frames)
    np.testing.assert_allclose(codes.mean(0), mean, atol=1e-4)
    np.testing.assert_allclose(codes.std(0), std, rtol=1e-3)


def test_a_direction_in_which_nothing_varies_is_not_blown_up():
    frames = np.full((50, 16, 16, 3), 100, np.uint8)
    frames[::2] += 50  # one direction only
    codes = PCAEncoder.fit(frames, 3, seed=0).encode_frames(_frames(5))
    assert np.isfinite(codes).all() and np.abs(codes).max() < 1e5


def test_save_and_load_are_bit_equal(tmp_path):
    encoder = PCAEncoder.fit(_frames(), 4, seed=0)
    encoder.meta = {"training": {"frames": 300}}
    loaded = PCAEncoder.load(encoder.save(tmp_path / "pca"))
    new = _frames(7, seed=1)
    assert np.array_equal(encoder.encode_frames(new), loaded.encode_frames(new))
    assert loaded.meta == encoder.meta and loaded.shape == encoder.shape


def test_errors_say_what_is_wrong(tmp_path):
    with pytest.raises(ValueError, match="uint8"):
        PCAEncoder.fit(np.zeros((9, 16, 16, 3), np.float32), 2, seed=0)
    with pytest.raises(ValueError, match=r"40 components .* got 20 frames"):
        PCAEncoder.fit(_frames(20), 40, seed=0)
    encoder = PCAEncoder.fit(_frames(), 4, seed=0)
    with pytest.raises(ValueError, match="no latent group 'content'; known: all"):
        encoder.slice_of("content")
    with pytest.raises(ValueError, match="no principal components"):
        PCAEncoder.load(tmp_path / "missing")
    folder = encoder.save(tmp_path / "newer")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "format": 99}))
    with pytest.raises(ValueError, match="format 99"):
        PCAEncoder.load(folder)
