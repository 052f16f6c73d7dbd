"""The benchmark of the plug: every figure beside its target."""

from __future__ import annotations

from pathlib import Path

import pytest

from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.bench import command as bench
from bvae_rl.scripts.bench import plugin as bench_plugin
from bvae_rl.scripts.bench.figures import Figure, ratio


def test_bench_plugin_sets_every_figure_beside_its_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = bench_plugin.Sizes(
        n_steps=5, batch_size=40, epochs=1, fill=16, sac_batch=4, sac_pixel_steps=8,
        sac_latent_steps=8, encodings=3, vector_steps=60, frames=20,
    )  # fmt: skip
    monkeypatch.setattr(bench_plugin, "SIZES", tiny)
    vae = BetaVAE(VAEConfig((3, 64, 64), latent_dim=6, channels=(8, 8, 8), hidden=16))
    vae.meta["statistics"] = {"mean": [0.0] * 6, "std": [1.0] * 6}
    vae.save(tmp_path / "vae")
    out = tmp_path / "out"
    result = bench.main(
        bench.Args("plugin", str(tmp_path / "vae"), rounds=2, profile=True, out=out)
    )
    judged = {name: f for name, f in result.figures.items() if f.target is not None}
    assert len(judged) == 6
    assert all(value > 0 for figure in result.figures.values() for value in figure.rounds)
    # 6 latents: two codes of 24 bytes, and 20 for action, reward, done and timeout
    assert result.figures["replay bytes of SAC, encode once"].rounds == (68.0,)
    stored = Run(out).read_json("bench_plugin.json")
    assert stored["figures"].keys() == result.figures.keys()
    assert stored["missed"] == [name for name, figure in judged.items() if figure.missed]
    assert "aten::mkldnn_convolution" in str(stored["profiles"])
    said = capsys.readouterr().out
    for name, figure in judged.items():
        line = next(line for line in said.splitlines() if line.startswith(name))
        assert line.endswith(f"{figure.target:g}: {'NO' if figure.missed else 'yes'}")


def test_a_figure_is_the_median_against_its_target() -> None:
    fast, slow = Figure("a", (1.0, 9.0, 8.0), "x"), Figure("b", (1.0, 3.0, 4.0), "x")
    assert fast.value == 8.0 and not fast.missed
    by_rounds = ratio("a / b", fast, slow, 2.0, at_most=False)
    assert by_rounds.rounds == (1.0, 3.0, 2.0) and not by_rounds.missed
    assert ratio("a / b", fast, slow, 1.9, at_most=True).missed
    assert ratio("a / b", fast, slow, 2.1, at_most=False).missed
