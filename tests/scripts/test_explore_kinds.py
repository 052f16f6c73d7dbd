"""What the explorer measures of quantised and hardened VAEs, and of circles of any period."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bvae_rl.data.factors import FactorSpec
from bvae_rl.models.vae import BetaVAE
from bvae_rl.report.explorer.payload import packed
from bvae_rl.scripts.explore import command as explore
from bvae_rl.scripts.explore import vae as explore_vae
from bvae_rl.scripts.explore.history import TEACHERS, history
from bvae_rl.scripts.explore.vae import read_latents
from bvae_rl.training.pictures.decoded import carried
from bvae_rl.training.snapshots import FOLDER
from tests.explorer_cases import random_frames, tiny
from tests.explorer_panel_cases import unpacked


def quantised() -> BetaVAE:
    """Of whose four latents two take one value alone."""
    vae = tiny(levels=5)
    mean, std = np.zeros(4), np.array([1.0, 1.0, 0.0, 0.0])
    vae.meta["statistics"] = {"mean": mean.tolist(), "std": std.tolist(), "kl": [12.0] * 4}
    return vae


def snapshot(vae: BetaVAE, folder: Path) -> Path:
    """The folder of a VAE with one snapshot."""
    vae.meta["training"] = {"step": 7}
    vae.save(folder / FOLDER / "step-000007")
    return folder


def test_quantised_latents_carry_the_entropy_of_their_values(tmp_path: Path) -> None:
    vae = quantised()
    frames = random_frames(vae, 60)
    entropy = carried(vae, *vae.posterior_frames(frames))[0]
    read = read_latents(vae, frames)
    np.testing.assert_allclose(read.kl, entropy)
    assert (read.active[2:] == (entropy[2:] > 0)).all() and entropy.max() <= np.log(5)
    assert read.active[:2].all()  # as in the training
    stored = read_latents(vae, None)
    assert stored.active.tolist() == [True, True, False, False] and stored.kl.max() <= np.log(5)
    entry = history(snapshot(vae, tmp_path), frames, None, ())
    assert entry is not None
    np.testing.assert_allclose(unpacked(entry["kl"])[0], entropy, rtol=1e-5)


def test_a_circle_is_measured_by_its_own_period(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def measure(mu: np.ndarray, truth: np.ndarray, *, kinds: list[str], active: np.ndarray) -> None:
        seen.append(truth)
        raise ValueError("enough")

    monkeypatch.setattr(explore_vae, "measure", measure)
    turns = np.linspace(0, 359, 60)[:, None]
    vae = tiny()
    specs = (FactorSpec("heading", "cyclic", low=0, high=360),)
    read_latents(vae, random_frames(vae, 60), turns, specs)
    np.testing.assert_allclose(seen[0], np.deg2rad(turns))


@pytest.mark.parametrize(
    "factors",
    [np.linspace(0.3, 0.301, 60), np.linspace(0, 1, 20), np.zeros(60)],
    ids=["in one bin of a circle", "too few", "nothing changes"],
)
def test_a_history_that_cannot_be_scored_has_no_shares(factors: np.ndarray, tmp_path: Path) -> None:
    vae = tiny()
    folder = snapshot(vae, tmp_path)
    frames = random_frames(vae, len(factors))
    entry = history(folder, frames, factors[:, None], (FactorSpec("turn", "cyclic"),))
    assert entry is not None and entry["shares"] is None and entry["steps"] == [7]
    assert "about" not in entry
    assert entry["frames"] == packed(frames[np.linspace(0, len(frames) - 1, 4).astype(int)], "u1")


def test_what_is_of_the_teacher_is_said(tmp_path: Path) -> None:
    vae = tiny()
    snapshot(vae, tmp_path / "teacher")
    entry = history(tmp_path, random_frames(vae, 6), None, ())
    assert entry is not None and entry["about"] == TEACHERS
    vae.meta = {"training": {"steps": 1200}, "hardened": {"training": {"steps": 40_000}}}
    assert "hardened for 1,200 batches: what it draws are averages of " in explore.about(vae, 4)
    vae.meta = {"training": {"steps": 1200, "store": {"env": "some:Env-v0"}}}
    assert "Trained for 1,200 batches on frames of Env-v0." in explore.about(vae, 4)
