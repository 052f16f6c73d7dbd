"""An episode as a Rerun recording."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from bvae_rl.plots.recording import episode_rrd
from bvae_rl.scripts.cli import main

FRAMES = np.zeros((4, 16, 24, 3), np.uint8)
CODES = np.arange(8, dtype=float).reshape(4, 2)


@pytest.mark.parametrize("channels", [1, 3])
def test_frames_latents_and_factors_are_recorded_by_step(channels: int) -> None:
    pytest.importorskip("rerun", reason='needs rerun: pip install "bvae-rl[rerun]"')
    frames = FRAMES[..., :channels]
    factors = np.arange(4.0)[:, None]
    data = episode_rrd(frames, frames, CODES, ["z0", "content 1"], factors, ["target_x"])
    assert data.startswith(b"RRF2")
    for entity in (b"/frame", b"/reconstruction", b"/latents/z0", b"/latents/content_1",
                   b"/factors/target_x"):  # fmt: skip
        assert entity in data


def test_an_episode_that_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match=r"codes \(4, 2\) with 1 names"):
        episode_rrd(FRAMES, None, CODES, ["z0"])
    with pytest.raises(ValueError, match=r"decoded \(3, 16, 24, 3\)"):
        episode_rrd(FRAMES, FRAMES[:3], CODES, ["z0", "z1"])


def test_a_missing_rerun_is_said_before_anything_is_drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)
    assert main(["visualize", "--rrd"]) == 2
    assert 'pip install "bvae-rl[rerun]"' in capsys.readouterr().err
