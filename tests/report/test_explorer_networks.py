"""The networks in the page compute what torch computes, for every kind of VAE."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE
from tests.chromium_cases import Page, browser
from tests.explorer_cases import KINDS, random_frames, shown_of, tiny, write_page

FIRST_PICTURE = 2.0  # seconds
LARGEST = 5_000_000  # bytes of a page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def decoded(page: Page, z: np.ndarray) -> np.ndarray:
    """What the page draws for z (D,): RGBA bytes."""
    script = f"Array.from(explorer.vae().decode({json.dumps(z.tolist())}))"
    return np.array(page.run(script), np.float32).reshape(-1, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_and_codes_are_torchs(page: Page, tmp_path: Path, kind: str) -> None:
    vae = tiny(**KINDS[kind])
    frames = random_frames(vae)
    page.open(write_page(tmp_path, {kind: vae}, shown_of(vae)))
    codes = np.array(page.run("Array.from(explorer.vae().encode(explorer.frame(2)))"), np.float32)
    expected = vae.encode_frames(frames[2:3])[0]
    np.testing.assert_allclose(codes, expected, atol=1e-3 * max(1.0, np.abs(expected).max()))
    z = expected + np.random.default_rng(0).normal(size=expected.shape).astype(np.float32)
    if vae.codebook is not None:
        z = expected
    with torch.no_grad():
        x = vae.decode(torch.from_numpy(z[None]))[0].permute(1, 2, 0).reshape(-1, vae.shape[0])
    assert x.std() > 0.01, "an even picture would show nothing"
    seen = {"BGR": [2, 1, 0], "stack": [3, 3, 3], "grey": [0, 0, 0]}.get(kind, [0, 1, 2])
    drawn = decoded(page, z)
    assert np.abs(drawn[:, :3] - 255 * x[:, seen].numpy()).max() <= 1.0
    assert (drawn[:, 3] == 255).all()
    assert not page.faults()


def test_a_shipped_vae_is_equal_small_and_there_at_once(page: Page, tmp_path: Path) -> None:
    vae = BetaVAE.load(find_vae("reach_plain"))  # 32 latents, 64 x 64
    path = write_page(tmp_path, {"reach_plain": vae}, shown_of(vae, n=24))
    assert path.stat().st_size <= LARGEST
    page.open(path)
    assert 0.0 < page.seconds() <= FIRST_PICTURE
    rng = np.random.default_rng(0)
    known = vae.statistics()
    assert known is not None
    for _ in range(5):
        z = (known[0] + rng.normal(size=32) * known[1]).astype(np.float32)
        with torch.no_grad():
            x = vae.decode(torch.from_numpy(z[None]))[0].permute(1, 2, 0).reshape(-1, 3)
        bytes_of_torch = np.rint(255 * x.numpy())
        assert np.abs(decoded(page, z)[:, :3] - bytes_of_torch).max() <= 1.0


def test_a_decoder_draws_twenty_frames_a_second(page: Page) -> None:
    """The page of the test before."""
    draw = "for (let n = 0; n < {}; n++) explorer.vae().decode(explorer.vae().mean)"
    page.run(draw.format(10))  # by then it is compiled
    before = page.seconds()
    page.run(draw.format(20))
    assert page.seconds() - before <= 1.0
