"""From data without an environment to a VAE, its pictures and all its scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bvae_rl.data.factors import READ_ON_POLICY, FactorSpec
from bvae_rl.data.fixed_rows import LEAST, PARTS, fixed_factor_rows
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.readers.importing import import_frames
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.cli import main
from bvae_rl.scripts.evaluate import command as evaluate
from bvae_rl.scripts.evaluate import more
from bvae_rl.scripts.stored_frames import stored_frames
from tests.next_cases import next_commands

TINY = ["--steps", "4", "--batch-size", "8", "--warmup", "2", "--channels", "8", "8", "8"]
TINY += ["--hidden", "16", "--content-dim", "4", "--style-dim", "2", "--compile", "False"]
FAST = ["--fit-steps", "10", "--replicates", "0"]
COUNT, LENGTH = 360, 9


def arrays(path: Path, **more: np.ndarray) -> Path:
    """A bright square that walks, in episodes of nine frames."""
    x = np.arange(COUNT) % LENGTH * 2 + 4
    level = np.arange(COUNT) // LENGTH % 3 * 60 + 100
    frames = np.zeros((COUNT, 32, 32, 3), np.uint8)
    for frame, at, bright in zip(frames, x, level, strict=True):
        frame[12:18, at : at + 6] = bright
    np.savez(path, frames=frames, **more)
    return path


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, arrays of episodes, and the store of both."""
    root = tmp_path_factory.mktemp("labelled")
    arrays(root / "walk.npz", episode=np.arange(COUNT) // LENGTH)
    rows = [f"{i % LENGTH * 0.5},{i // LENGTH % 3}" for i in range(COUNT)]
    (root / "factors.csv").write_text("\n".join(["x,level", *rows]))
    import_frames(root / "walk.npz", root / "frames", factors=root / "factors.csv")
    return root


@pytest.fixture(scope="module")
def trained(labelled: Path) -> Path:
    """A VAE on the labelled store."""
    assert main(["pretrain", str(labelled / "frames"), "--out", str(labelled / "vae"), *TINY]) == 0
    return labelled / "vae"


def test_the_next_lines_lead_from_import_to_all_scores(
    labelled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(more, "GROUPS", 60)
    root, vae = labelled, str(labelled / "other")
    table = ["--factors", str(root / "factors.csv"), "--appearance", "level"]
    source, store = str(root / "walk.npz"), str(root / "out")
    assert main(["import", source, *table, "--out", store]) == 0
    ((name, args),) = next_commands(capsys.readouterr().out)
    assert (name, str(args.store)) == ("pretrain", store)
    assert main(["pretrain", store, "--out", vae, *TINY]) == 0
    ((name, args),) = next_commands(capsys.readouterr().out)
    assert (name, args.vae, str(args.store)) == ("visualize", vae, store)
    pictures = root / "pictures"
    assert main(["visualize", vae, "--store", store, "--out", str(pictures), "--no-film"]) == 0
    ((name, args),) = next_commands(capsys.readouterr().out)
    assert (name, args.vae, str(args.store)) == ("evaluate", vae, store)
    names = {path.name for path in pictures.glob("*.png")}
    assert names == {
        "heatmap.png",
        "traversals.png",
        "traversals_elsewhere.png",
        "reconstructions.png",
        "kl.png",
        "timelines.png",
        "scatter.png",
    }

    out = root / "scores"
    scored = ["evaluate", vae, "--store", store, "--out", str(out), *FAST]
    assert main([*scored, "--metrics", "factor_vae", "beta_vae"]) == 0
    said = capsys.readouterr().out
    assert f"- {READ_ON_POLICY}" in said
    assert f"bvae-rl train {vae} --env ID" in said
    found = json.loads((out / "scores.json").read_text())
    assert {"other", "untrained", "pca", "shuffled", "true factors", "more", "note"} == set(found)
    assert found["true factors"]["all"]["mig"]["score"] > 0.9
    assert set(found["more"]) == {"other/factor_vae", "other/beta_vae"}
    assert {row.env for row in Run(out).rows()} == {store}


def test_without_factors_or_episodes_what_can_be_said_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, vae = str(tmp_path / "frames"), str(tmp_path / "vae")
    assert main(["import", str(arrays(tmp_path / "some.npz")), "--out", store]) == 0
    assert main(["pretrain", store, "--out", vae, *TINY]) == 0
    assert main(["evaluate", vae, "--store", store, "--out", str(tmp_path / "a")]) == 0
    said = capsys.readouterr().out
    assert "holds no factors, so there is no MIG, DCI or R2; import it again" in said
    out = str(tmp_path / "b")
    assert main(["visualize", vae, "--store", store, "--out", out, "--no-film"]) == 0
    said = capsys.readouterr().out
    assert "no heatmap" in said and "no time lines: nothing says that frames" in said
    assert len(list((tmp_path / "b").glob("*.png"))) == 4


def test_frames_to_score_on_are_those_that_no_training_has_seen(
    labelled: Path,
    trained: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = FrameStore.existing(labelled / "frames")
    vae = BetaVAE.load(trained)
    capsys.readouterr()
    held, rest, text = stored_frames(store, [vae], most=5000)
    assert "WARNING" not in capsys.readouterr().out, "pictures without episodes are no single one"
    assert "of the others one saw the pictures" in text
    assert len(held.frames) == COUNT and not len(rest)
    monkeypatch.setattr("bvae_rl.scripts.stored_frames.LEAST", 1)
    held, rest, text = stored_frames(store, [vae], most=5000)
    assert text.endswith("that no training has seen") and len(held.frames) + len(rest) == COUNT
    assert 0 < len(held.frames) < 30
    vae.meta["training"]["objective"] = {"is": "SupervisedObjective"}
    monkeypatch.setattr("bvae_rl.scripts.stored_frames.LEAST", 1000)
    assert np.array_equal(stored_frames(store, [vae], most=5000)[1], rest)  # it saw the factors
    vae.meta["training"]["store"] = "another"
    vae.meta.pop("hardened", None)
    vae.meta["training"]["continued_from"] = None
    held, _, text = stored_frames(store, [vae], most=100)
    assert text == ("100 frames that no training on this store has seen; one was on another store")
    assert held.labelled
    shown = store.identity()
    vae.meta["training"]["objective"] = {"is": "BetaVAEObjective"}
    vae.meta["training"]["continued_from"] = {"store": shown, "train": {"validation": 0.02}}
    assert "one saw the pictures" in stored_frames(store, [vae], most=100)[2]
    vae.meta["training"]["continued_from"] = None
    vae.meta["hardened"] = {"training": {"store": {"joined": [shown["sha256"], "b"]}}}
    assert stored_frames(store, [vae], most=100)[2].startswith("100 frames (0 that no training")
    vae.meta["hardened"]["training"]["objective"] = {"is": "SupervisedObjective"}
    with pytest.raises(ValueError, match="was trained on with its factors"):
        stored_frames(store, [vae], most=100)


def test_a_store_and_an_environment_do_not_go_together(
    labelled: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(labelled / "frames")
    for words, message in (
        (["evaluate", "--store", store], "holds frames of (C, H, W) = (3, 32, 32), and a VAE"),
        (["visualize", "--store", str(labelled / "none")], "no frame store at"),
    ):
        assert main(words) == 2
        assert message in capsys.readouterr().err
    for words in (["--env", "Some-v0"], ["--domain", "ood1"]):
        for command in ("evaluate", "visualize"):
            assert main([command, str(trained), "--store", store, *words]) == 2
            assert f"leave out --store, or {words[0]}" in capsys.readouterr().err
    for command in ("evaluate", "visualize"):
        assert main([command, str(trained)]) == 2
        assert (
            "trained on imported frames, so say which to take: --store" in capsys.readouterr().err
        )
    assert main(["evaluate", str(trained), "--store", store, "--samples", "99"]) == 2
    assert "scores take 100 frames at least, and there are 99" in capsys.readouterr().err
    assert main(["evaluate", str(trained), "--store", store, "--other-domains", "a"]) == 2
    assert "--other-domains draws frames in an environment" in capsys.readouterr().err


def test_groups_share_a_value_or_a_part_of_the_range() -> None:
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(3, size=2000), rng.uniform(size=2000), np.ones(2000)], axis=1)
    specs = [FactorSpec("kind", "categorical", values=(0, 1, 2)), FactorSpec("x"), FactorSpec("y")]
    rows, fixed = fixed_factor_rows(factors, specs, 50, 32, seed=0)
    assert rows.shape == (50, 32) and set(fixed) == {0, 1}
    for group, column in zip(rows, fixed, strict=True):
        assert np.ptp(factors[group, column]) <= (0 if column == 0 else 1.5 / PARTS)
        assert np.ptp(factors[group, 1 - column]) > 0.5
    with pytest.raises(ValueError, match=f"that {LEAST} of the 7 frames share"):
        fixed_factor_rows(factors[:7], specs, 50, 32, seed=0)


def test_each_vae_is_measured_where_no_factors_are_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    frames = np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3), dtype=np.uint8)
    stores = []
    for first, name in ((0, "a"), (9, "b")):
        np.savez(tmp_path / f"{name}.npz", frames=frames[first:])
        stores.append(import_frames(tmp_path / f"{name}.npz", tmp_path / name / "frames"))
    folders = [
        evaluate.main(
            evaluate.Args("reach_plain", compare=("reach_pairs",), store=store.folder)
        ).out
        for store in stores
    ]
    head, *_ = [line for line in capsys.readouterr().out.splitlines() if "reach_pairs" in line]
    assert head.split() == ["reach_plain", "reach_pairs"]
    assert len({*folders}) == 2  # of another store, though called the same
    written = Run(folders[0]).read_json("scores.json")
    assert written["reach_plain/vae/elbo"] != written["reach_pairs/vae/elbo"]
