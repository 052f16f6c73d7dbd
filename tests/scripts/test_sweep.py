"""Sweeps: which value is taken and why, the picture of it, and the commands in process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from bvae_rl.data.collecting.collect import collect_independent
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots.rate_distortion import CHOSEN
from bvae_rl.plots.sweep import sweep
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.cli import main
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.scripts.pretrain import once, seeds
from bvae_rl.scripts.sweep import along as machinery
from bvae_rl.scripts.sweep import beta as sweep_beta
from bvae_rl.scripts.sweep import latents as sweep_latents
from bvae_rl.training.selection import last_within
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.verdict.explained import pixel_share
from bvae_rl.training.watch import Collapsed
from tests.next_cases import next_commands
from tests.pretrain_cases import no_pictures

QUICK = TrainConfig(batch_size=16, warmup=2, log_freq=5, save_freq=5, validation=0.25)
TINY = {"steps": 10, "workers": 1, "channels": (8, 8, 8), "hidden": 16, "train": QUICK}
AXIS = machinery.Axis(
    "beta", "beta", (1.0, 2.0, 4.0), lambda args, value: args, lambda v: f"beta {v:g}", "largest"
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    made = FrameStore(tmp_path_factory.mktemp("frames"))
    env = PlanarReach(size=32, domain="pretrain")
    made.declare(factor_specs=env.factor_specs, policy="independent", domain="pretrain")
    collect_independent(env, made, 1000, seed=0, views=2)
    return made


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    no_pictures(monkeypatch)
    monkeypatch.setattr(machinery, "FIT_STEPS", 10)


def test_the_last_that_is_good_enough_is_taken() -> None:
    assert last_within([0.9, 0.95, 0.93, 0.5], 0.02) == 2
    assert last_within([0.9, 0.95, 0.92, 0.5], 0.02) == 1
    assert last_within([0.9, np.nan, 0.3], 0.02) == 0
    assert last_within([0.5, 0.5], 0.0) == 1
    with pytest.raises(ValueError, match="no score"):
        last_within([np.nan], 0.02)


def test_the_share_of_the_pixels_is_an_r2() -> None:
    frames = np.zeros((4, 2, 2, 3), np.uint8)
    frames[::2] = 200  # two black, two bright: the mean picture is 100 everywhere
    assert pixel_share(frames, frames) == 1.0
    assert pixel_share(frames, np.full_like(frames, 100)) == 0.0
    # off by 50 where the mean is off by 100: a quarter of the squared error is left
    assert pixel_share(frames, np.where(frames > 0, 150, 50)) == pytest.approx(0.75)


def choice(axis: machinery.Axis, metric: str, scores: list[list[float]]) -> tuple[int, str]:
    return machinery.choice(axis, metric, np.array(scores), np.ones_like(scores))


def test_the_reason_says_the_rule_and_the_numbers() -> None:
    place, why = choice(AXIS, "r2", [[0.95, 0.97], [0.94, 0.96], [0.5, 0.6]])
    assert place == 1
    assert why == (
        "take beta 2: the largest at which mean R2 (0.95) is within 0.02 of the best (0.96, beta "
        "1); its seeds go from 0.94 to 0.96"
    )
    place, why = choice(AXIS, "r2", [[0.5, 0.5], [np.nan, np.nan], [0.9, 0.8]])
    assert place == 2 and "and itself the best (0.85); its seeds" in why
    assert "that is the end of the sweep" in why
    fewest = replace(AXIS, falling=True, most="fewest", say=lambda value: f"{value:g} latents")
    place, why = choice(fewest, "r2", [[0.2], [0.94], [0.95]])
    assert place == 1 and why.startswith("take 2 latents: the fewest at which mean R2 (0.94)")
    assert "end of the sweep" not in why and "seeds" not in why
    assert "check reconstructions.png" in choice(AXIS, "pixel_share", np.eye(3).tolist())[1]
    untrained = choice(AXIS, "pixel_share", [[-4.2], [-4.3], [-4.4]])[1]
    assert "each reconstructs worse than one mean picture would" in untrained


def test_a_collapsed_posterior_is_not_taken() -> None:
    scores, active = np.full((3, 1), 0.1), np.array([[4.0], [2.0], [0.0]])
    place, why = machinery.choice(AXIS, "mig", scores, active)
    assert place == 1 and why.startswith("take beta 2")
    place, why = machinery.choice(AXIS, "mig", scores, 0 * active)
    assert place == 0 and why.startswith("take beta 1 for the least bad: every posterior collapsed")
    fewest = replace(AXIS, falling=True)
    assert machinery.choice(fewest, "mig", scores, 0 * active)[0] == 2


def test_all_vaes_of_a_sweep_see_the_same_frames(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = sweep_beta.Args.of(
        None, out=tmp_path, env="bvae_rl/PlanarReach-v0", env_kwargs=("size=32",), frames=500,
        betas=(0.5, 4.0), seeds=2, **TINY,
    )  # fmt: skip
    sweep_beta.main(args)
    assert [path.parent.name for path in tmp_path.rglob("frames.raw")] == ["frames"]
    ((_, best),) = next_commands(capsys.readouterr().out)
    assert best.source.env == "bvae_rl/PlanarReach-v0" and best.store is None


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_picture_holds_what_it_was_given() -> None:
    rate = np.array([[30.0, 32.0], [20.0, 22.0], [np.nan, np.nan]])
    active = np.array([[12, 13], [9, 9], [np.nan, np.nan]])
    scores = {"mean R2": np.array([[0.9, 0.8], [0.7, np.nan], [np.nan, np.nan]])}
    figure = sweep((1, 2, 4), rate, 10 * rate, active, scores, chosen=1, title="Take", note="n")
    left, right = figure.axes
    assert texts(figure) == ["1\n12-13 active", "beta = 2\n9 active"]  # the third came to nothing
    assert left.texts[1].get_color() == CHOSEN
    assert np.allclose(left.lines[0].get_xydata(), [[31, 310], [21, 210]])
    assert np.allclose(right.lines[0].get_xydata(), [[0, 0.85], [1, 0.7]])
    ticks = [tick.get_text() for tick in right.get_xticklabels()]
    assert ticks == ["1\n12-13", "2\n9", "4\n-"]
    assert "95%" not in figure.get_supxlabel() and "dots: seeds" in figure.get_supxlabel()
    five = np.tile(rate[:2, :1], (1, 5))
    banded = sweep((1, 2), five, five, five, {"MIG": five / 100}, chosen=None)
    assert "95%" in banded.get_supxlabel()
    with pytest.raises(ValueError, match=r"distortion is \(2, 5\) for 3 values"):
        sweep((1, 2, 4), rate, five, active, {})


def test_labels_of_points_do_not_cover_each_other() -> None:
    """A crowd of values, as many latents make: every label has room of its own."""
    rate = np.array([30.0, 32.0, 32.5, 32.6, 32.7])[:, None]
    figure = sweep(
        (8, 12, 16, 24, 32), rate, 500 - 10 * (rate - 30), np.full((5, 1), 8.0), {}, label="latents"
    )
    figure.canvas.draw()
    words = figure.axes[0].texts
    for note in words:  # the line to the point counts as part of the words
        assert isinstance(note, Annotation)
        note.arrowprops = note.arrow_patch = None
    boxes = [note.get_window_extent() for note in words]
    covered = [a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i]]
    assert len(covered) == 10 and not any(covered)
    spots = figure.axes[0].transData.transform(np.column_stack([rate, 500 - 10 * (rate - 30)]))
    assert not any(box.contains(*spot) for box in boxes for spot in spots)


def test_a_sweep_along_beta_trains_scores_draws_and_chooses(
    store: FrameStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = sweep_beta.Args.of(
        store.folder, out=tmp_path, betas=(4.0, 0.5), objective="pairs", content_dim=4,
        style_dim=2, seeds=2, **TINY,
    )  # fmt: skip
    result = sweep_beta.main(args)
    said = capsys.readouterr().out
    assert result.why in said and "DCI disentanglement" in said and "distortion" in said
    ((name, best),) = next_commands(said)
    assert (name, best.store, best.loss.objective) == ("pretrain", store.folder, "pairs")
    assert best.loss.beta == result.chosen and best.several.seeds == 5 and not best.out.exists()
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
    rows = {(row.method, row.vae_seed, row.metric): row.value for row in Run(tmp_path).rows()}
    assert {(method, seed) for method, seed, _ in rows} == {
        ("beta=0.5", 0), ("beta=0.5", 1), ("beta=4", 0), ("beta=4", 1)
    }  # fmt: skip
    vae = BetaVAE.load(tmp_path / "beta-4-seed-1")
    training = vae.meta["training"]
    assert training["objective"]["beta"]["end"] == 4.0 and training["seed"] == 1
    trained = vae.meta["scores"]["validation"]
    assert rows["beta=4", 1, "rate"] == pytest.approx(trained["vae/validation_kl"])
    assert rows["beta=4", 1, "distortion"] == pytest.approx(trained["vae/validation_recon"])
    assert rows["beta=4", 0, "rate"] < rows["beta=0.5", 0, "rate"]
    assert ("beta=4", 0, "content/mig") in rows  # what is drawn, where the code has a content group
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/*.*")}
    again = sweep_beta.main(args)
    assert again.rows == result.rows and again.chosen == result.chosen
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


def test_a_capacity_is_swept_with_its_objective(store: FrameStore, tmp_path: Path) -> None:
    args = sweep_beta.Args.of(store.folder, out=tmp_path, capacity=(9.0, 3.0), **TINY)
    result = sweep_beta.main(args)
    assert result.chosen in (3.0, 9.0)
    for nats in (3, 9):
        training = BetaVAE.load(tmp_path / f"capacity-{nats}-seed-0").meta["training"]
        assert training["objective"]["name"] == "capacity"
        assert training["objective"]["nats"]["end"] == nats


def test_a_sweep_of_latents_keeps_the_shares(store: FrameStore, tmp_path: Path) -> None:
    plain = pretrain.Args.of(store.folder)
    shared = [sweep_latents.shared_out(plain, n) for n in (2, 8, 12, 32)]
    assert [(a.model.content_dim, a.model.style_dim) for a in shared] == [
        (1, 1),
        (6, 2),
        (9, 3),
        (24, 8),
    ]
    one_group = sweep_latents.shared_out(plain.but(style_dim=0), 5)
    assert (one_group.model.content_dim, one_group.model.style_dim) == (5, 0)
    result = sweep_latents.main(
        sweep_latents.Args.of(store.folder, out=tmp_path, latents=(6, 4), **TINY)
    )
    assert BetaVAE.load(tmp_path / "latents-6-seed-0").config.latent_dim == 6
    assert {row.method for row in result.rows} == {"latents=4", "latents=6"}
    assert "dci/completeness" in {row.metric for row in result.rows}


def test_without_factors_pixels_and_agreement_are_left(
    store: FrameStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = FrameStore(tmp_path / "frames")
    plain.append(Frames(*(store.array(name) for name in ("frames", "episode", "state"))))
    args = sweep_beta.Args.of(plain.folder, out=tmp_path / "s", betas=(1.0, 2.0), seeds=2, **TINY)
    result = sweep_beta.main(args)
    said = capsys.readouterr().out
    assert "UDR" in said and "MIG" not in said and "no factors are known" in said
    metrics = {row.metric for row in result.rows}
    assert metrics == {"rate", "distortion", "elbo", "pixel_share", "active_latents", "udr"}


def test_a_value_that_collapses_is_a_point_that_is_missing(
    store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    train = once.train_once

    def collapsing(args: pretrain.Args, *, on_progress: Any) -> None:
        if args.loss.beta == 64.0:
            raise Collapsed("every latent is dead")
        train(args, on_progress=on_progress)

    monkeypatch.setattr(seeds, "train_once", collapsing)
    args = sweep_beta.Args.of(store.folder, out=tmp_path, betas=(1.0, 64.0), **TINY)
    assert sweep_beta.main(args).chosen == 1.0
    assert "- beta-64-seed-0: every latent is dead" in capsys.readouterr().out
    assert {row.method for row in Run(tmp_path).rows()} == {"beta=1"}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["sweep-beta", "--betas", "1"], "two or more different values, got (1.0,)"),
        (["sweep-beta", "--betas", "1", "-1"], "not negative, got -1"),
        (["sweep-beta", "--objective", "gan"], "unknown objective 'gan'"),
        (["sweep-beta", "--objective", "capacity"], "give --capacity 5 10 20 40"),
        (["sweep-beta", "--objective", "tc", "--capacity", "5", "9"], "not tc; leave one out"),
        (["sweep-beta", "--objective", "control"], "objective control has no hyperparameter beta"),
        (["sweep-beta", "--seeds", "0"], "seeds must be at least 1"),
        (["sweep-latents", "--objective", "supervised"], "fixed by objective supervised"),
        (["sweep-latents", "--latents", "1", "4"], "latents of 2 and more"),
        (["sweep-latents", "--objective", "beta", "--pairs", "views"], "takes single frames"),
        (["sweep-beta", "--ramp", "0.5", "--release", "0.6"], "a ramp of 0.5 at most 0.5, got 0.6"),
        (["sweep-beta", "--beta", "2"], "the sweep sets beta: give --betas"),
        (["sweep-beta", "--per-actuator", "2"], "needs interventions and an objective with gr"),
        (["sweep-beta", "--objective", "swap", "--content-dim", "0"], "for content and for style"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_line_and_nothing_is_trained(
    argv: list[str], message: str, store: FrameStore, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    flags = ["--validation", "0.25", "--out", str(tmp_path / "sweep")]
    assert main([argv[0], str(store.folder), *argv[1:], *flags]) == 2
    err = capsys.readouterr().err
    assert message in err and err.strip().count("\n") == 0
    assert not (tmp_path / "sweep").exists()


def test_a_sweep_keeps_out_of_a_folder_of_other_files(store: FrameStore, tmp_path: Path) -> None:
    (tmp_path / "sweep.png").write_bytes(b"theirs")
    with pytest.raises(ValueError, match=r"holds other files \(sweep.png\)"):
        sweep_beta.main(sweep_beta.Args.of(store.folder, out=tmp_path, betas=(1.0, 2.0)))
    assert (tmp_path / "sweep.png").read_bytes() == b"theirs"
