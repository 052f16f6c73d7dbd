"""The figures of ``bvae-rl visualize`` for VAEs and frames of every kind, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import Frames
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.scripts.cli import main
from bvae_rl.scripts.visualize import command as visualize
from bvae_rl.scripts.visualize.beside import compared
from bvae_rl.scripts.visualize.figures import Shown, figures, films, pairs
from bvae_rl.training.pictures.decoded import active_latents, carried, traversals
from bvae_rl.training.pictures.figures import shown_latents, tracked

SMALL: dict[str, Any] = {"channels": (8, 8, 8), "hidden": 16}
SPECS = (FactorSpec("level"), FactorSpec("turn", kind="cyclic", low=0.0, high=1.0))
KINDS = {
    "1 latent, grey": VAEConfig((1, 32, 32), 1, **SMALL),
    "128 latents, not square": VAEConfig((3, 32, 48), 128, **SMALL),
    "a stack, groups": VAEConfig(
        (4, 48, 32), 3, groups={"content": (0, 2), "style": (2, 3)}, channel_order="other", **SMALL
    ),
    "quantised": VAEConfig((3, 32, 32), 2, levels=5, **SMALL),
}


def make(config: VAEConfig) -> BetaVAE:
    """Random weights with a lively code."""
    torch.manual_seed(0)
    vae = BetaVAE(config).eval()
    with torch.no_grad():
        for layer in vae.encoder:
            if isinstance(layer, torch.nn.Linear):
                layer.weight.mul_(8.0)
    return vae


def probe(vae: BetaVAE, *, count: int = 24) -> Frames:
    """Frames of very different brightness, which is their first factor."""
    channels, height, width = vae.config.shape
    rng = np.random.default_rng(0)
    level = np.linspace(0.1, 0.9, count)
    noise = rng.uniform(0.8, 1.0, (count, height, width, channels))
    frames = (noise * level[:, None, None, None] * 255).astype(np.uint8)
    rows = np.arange(count)
    return Frames(frames, rows, rows, np.stack([level, rng.uniform(size=count)], axis=1))


def test_a_cyclic_factor_is_read_by_its_own_period() -> None:
    vae, frames = make(VAEConfig((3, 32, 32), 2, **SMALL)), []
    turn = np.linspace(0.0, 1.0, 400, endpoint=False)  # of a circle
    for x in turn:
        frame = np.zeros((32, 32, 3), np.uint8)
        frame[..., 0], frame[..., 1] = (
            127 + 127 * wave(2 * np.pi * x) for wave in (np.cos, np.sin)
        )
        frames.append(frame)
    rows = np.arange(len(turn))
    told = Frames(np.stack(frames), rows, rows, turn[:, None])
    gaps = [
        Shown.of(vae, replace(told, factors=turn[:, None] * high), (spec,)).gaps
        for high in (1.0, 2 * np.pi)
        for spec in [FactorSpec("turn", kind="cyclic", low=0.0, high=high)]
    ]
    assert gaps[0] is not None and gaps[1] is not None
    np.testing.assert_allclose(gaps[0].shares, gaps[1].shares)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_vae_has_its_figures(kind: str) -> None:
    vae = make(KINDS[kind])
    shown = Shown.of(vae, probe(vae), SPECS)
    drawn = figures(shown, width=None, seed=0, styles=shown.frames)
    names = {"heatmap", "reconstructions", "traversals", "traversals_elsewhere", "kl", "scatter"}
    assert set(drawn) == names | ({"swap"} if vae.config.groups else set())
    words = [text.get_text() for text in drawn["traversals"].axes[0].texts]
    assert ("entropy (nats)" in words) == (vae.codebook is not None)
    if kind.startswith("128"):
        assert len(drawn["traversals"].axes[0].get_yticklabels()) <= 16
    if kind.startswith("1 "):  # no second latent: the factor stands upwards
        assert {upwards for _, upwards, _ in pairs(shown)} == {None}


def test_without_factors_the_rest_is_drawn() -> None:
    vae = make(KINDS["quantised"])
    bare = Frames(probe(vae).frames, np.arange(24), np.arange(24))
    for frames, known in ((bare, SPECS), (probe(vae), ())):
        shown = Shown.of(vae, frames, known, note="not said")
        assert shown.tracks is None and not shown.note
    drawn = figures(shown, width=None, seed=0, styles=shown.frames[:1])
    assert set(drawn) == {"reconstructions", "traversals", "traversals_elsewhere", "kl"}
    written = films(shown)
    assert written["traversals.gif"].startswith(b"GIF89a")
    assert written["traversals.mp4"][4:8] == b"ftyp"


def test_a_quantised_latent_takes_only_its_values_and_carries_their_entropy() -> None:
    vae = make(KINDS["quantised"])
    mu = np.array([[-0.5, 0.25], [0.5, 0.25], [0.5, 0.25], [-0.5, 0.25]], np.float32)
    entropy, label = carried(vae, mu, np.zeros_like(mu))
    assert entropy == pytest.approx([np.log(2), 0.0]) and label == "entropy (nats)"
    moved = traversals(vae, mu, [0], spread=np.array([-1.0, -0.9, 1.0]))
    assert np.array_equal(moved[0, 0], moved[0, 1])  # both are the first value
    moves = active_latents(vae, mu)
    assert moves.tolist() == [True, False]
    assert shown_latents(entropy, moves)[0].tolist() == [0]


def test_a_latent_is_active_where_its_mean_moves_here_or_moved_in_the_training() -> None:
    vae = make(KINDS["a stack, groups"])
    mu = np.zeros((4, 3), np.float32)
    mu[:, 0], mu[:, 1], mu[:, 2] = [-1, 1, -1, 1], 2.0, [0.0, 0.1, 0.0, 0.1]
    assert carried(vae, mu, np.zeros_like(mu))[0][1] == pytest.approx(2.0)  # of a fixed mean
    assert active_latents(vae, mu).tolist() == [True, False, False]
    vae.meta["statistics"] = {"mean": [0.0] * 3, "std": [0.0, 0.05, 0.5]}
    assert active_latents(vae, mu).tolist() == [True, False, True]


def test_a_latent_is_named_by_the_factor_that_it_holds_most_of() -> None:
    gaps: Any = type("Gaps", (), {"shares": np.array([[0.62, 0.1], [0.02, 0.04], [-0.1, 0.3]])})
    assert tracked(gaps, ["arm_angle", "x"]) == ["arm angle 62%", "", "x 30%"]


def test_what_is_left_out_of_a_traversal_is_said() -> None:
    kl = np.zeros(128)
    assert shown_latents(kl, kl > 0)[1] == "\nno latent is active"
    kl[[3, 70]] = 1.0, 2.0
    rows, note = shown_latents(kl, kl > 0)
    assert rows.tolist() == [70, 3] and note == "\n126 inactive latents left out"
    assert shown_latents(kl + 1, kl < 9)[1] == "\nthe 16 that carry most, of 128 active latents"


def test_vaes_beside_each_other_take_the_same_frames(tmp_path: Path) -> None:
    vae = make(KINDS["quantised"])
    other = make(KINDS["1 latent, grey"]).save(tmp_path / "grey")
    with pytest.raises(ValueError, match=r"differ: .*grey \(1, 32.*take VAEs of the same"):
        compared("vae", vae, [str(other)], probe(vae).frames)
    same = make(VAEConfig((3, 32, 32), 3, recon_weight=5.0, **SMALL)).save(tmp_path / "other")
    figure = compared("vae", vae, [str(same)], probe(vae).frames)["rate_distortion"]
    assert figure.axes[0].get_ylabel().startswith("distortion: squared error")  # other weights
    assert compared("vae", vae, [], probe(vae).frames) == {}


def test_settings_that_cannot_be_are_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["visualize", "--width", "1", "--out", str(tmp_path)]) == 2
    assert "--width is 3 to 50 inches, got 1" in capsys.readouterr().err
    assert visualize.Args(format="pdf").inches == 6.9 and visualize.Args().inches is None
