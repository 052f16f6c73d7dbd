"""Hardening: the student learns the teacher's codes, and everything else about it stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.text import Text

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.models.digest import encoder_digest, teachers_of
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.training.hardening.checks import refuse_inactive, with_earlier
from bvae_rl.training.hardening.harden import harden
from bvae_rl.training.hardening.report import (
    HARDENED,
    _followed,
    agreement,
    hardened_sentences,
    told_by,
)
from bvae_rl.training.hardening.settings import train_of_phase
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.pictures.figures import vae_figures
from bvae_rl.training.schedules import Constant
from bvae_rl.training.train_config import TrainConfig
from tests.harden_cases import CONFIG, QUICK, squares
from tests.objective_cases import Kill, equal


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return squares(tmp_path_factory.mktemp("squares") / "frames")


@pytest.fixture(scope="module")
def teacher(store: FrameStore, tmp_path_factory: pytest.TempPathFactory) -> BetaVAE:
    return train_vae(
        store, CONFIG, BetaVAEObjective(Constant(1.0)), steps=400, seed=0,
        out=tmp_path_factory.mktemp("teacher") / "vae", train=QUICK,
    )  # fmt: skip


@pytest.fixture(scope="module")
def student(
    teacher: BetaVAE, store: FrameStore, tmp_path_factory: pytest.TempPathFactory
) -> BetaVAE:
    out = tmp_path_factory.mktemp("student") / "vae"
    return harden(teacher, store, out=out, steps=800, train=QUICK, verbose=0)


def test_it_reads_from_other_colours_what_its_teacher_could_not(student: BetaVAE) -> None:
    kept = student.meta[HARDENED]
    active = np.array(kept["std"]) >= 0.2
    before, after, clean = (
        np.median(np.array(kept[name])[active]) for name in ("before", "r2", "r2_clean")
    )
    assert before < 0.3 < 0.5 < after < clean
    for found in kept["state"].values():
        assert found["before"] < 0.2 and found["after"] > 0.4 and found["clean"] > 0.8


def test_decoder_and_scale_of_the_codes_stay_the_teachers(
    student: BetaVAE, teacher: BetaVAE
) -> None:
    assert equal(student.decoder.state_dict(), teacher.decoder.state_dict())
    assert not equal(student.encoder.state_dict(), teacher.encoder.state_dict())
    for mine, theirs in zip(student.statistics() or (), teacher.statistics() or (), strict=True):
        assert np.array_equal(mine, theirs)
    assert student.meta[HARDENED]["teacher"] == teacher.identity()


def test_the_saved_one_is_the_returned_one_and_is_found_again(
    student: BetaVAE, teacher: BetaVAE, store: FrameStore
) -> None:
    assert student.folder is not None
    loaded = BetaVAE.load(student.folder)
    assert equal(loaded.state_dict(), student.state_dict())
    assert loaded.meta[HARDENED] == student.meta[HARDENED]
    settings: dict[str, Any] = {"out": student.folder, "train": QUICK, "verbose": 0}
    again = harden(teacher, store, steps=800, **settings)
    assert again.meta[HARDENED] == student.meta[HARDENED]
    with pytest.raises(ValueError, match="clean"):
        harden(teacher, store, steps=800, clean=0, **settings)


def test_pictures_say_that_colours_are_averages(student: BetaVAE, teacher: BetaVAE) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (30, 32, 32, 3), dtype=np.uint8)
    for vae, shown in ((student, True), (teacher, False)):
        for name, figure in vae_figures(vae, frames).items():
            if name != "kl":
                texts = [text.get_text() for text in figure.findobj(Text)]
                assert any("averages of colour" in text for text in texts) == shown, name


def test_a_killed_run_ends_with_the_same_weights(
    teacher: BetaVAE, store: FrameStore, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"steps": 60, "train": QUICK, "verbose": 0}
    whole = harden(teacher, store, out=tmp_path / "a", callbacks=[Kill(None)], **settings)
    with pytest.raises(KeyboardInterrupt):
        harden(teacher, store, out=tmp_path / "b", callbacks=[Kill(40)], **settings)
    assert HARDENED not in BetaVAE.load(tmp_path / "b").meta
    resumed = harden(teacher, store, out=tmp_path / "b", callbacks=[Kill(None)], **settings)
    assert equal(whole.state_dict(), resumed.state_dict())
    assert whole.meta[HARDENED] == resumed.meta[HARDENED]


def test_a_hardened_teacher_goes_on_with_both(
    student: BetaVAE, caplog: pytest.LogCaptureFixture
) -> None:
    assert with_earlier(student, ("light",)) == ("colour", "light")
    assert "hardened against colour already" in caplog.text


def test_a_student_of_a_student_names_both_teachers(
    teacher: BetaVAE, student: BetaVAE, store: FrameStore, tmp_path: Path
) -> None:
    again = harden(student, store, out=tmp_path, against=["light"], steps=2, train=QUICK)
    assert again.meta[HARDENED]["against"] == ["colour", "light"]
    named = {encoder_digest(vae) for vae in (teacher, student)}
    assert named <= teachers_of(again.meta) and teachers_of(teacher.meta) == set()


def test_what_nobody_should_miss_is_a_warning(
    teacher: BetaVAE, store: FrameStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wild = replace(QUICK, learning_rate=3.0, warmup=0, max_grad_norm=1000.0)
    with caplog.at_level("WARNING"):
        harden(teacher, store, out=tmp_path, steps=5, train=wild, verbose=0)
    assert "no longer tells clean frames as its teacher does" in caplog.text
    assert "bounded by 1000, with which some hardenings break down" in caplog.text


def test_a_state_that_is_told_by_colour_is_lost_and_said_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(0)
    shade = rng.uniform(size=600).astype(np.float32)
    frames = np.zeros((600, 32, 32, 3), np.uint8)
    frames[:, 8:24, 8:24] = (255 * np.stack([shade, 1 - shade, 0 * shade], 1))[:, None, None]
    store, numbers = FrameStore(tmp_path / "frames"), np.arange(600)
    store.declare(factor_specs=(FactorSpec("key"),))  # a name that does not say it
    store.append(Frames(frames, 0 * numbers, numbers, factors=shade[:, None]))
    teacher = train_vae(
        store, CONFIG, BetaVAEObjective(Constant(1.0)), steps=150, seed=0,
        out=tmp_path / "teacher", train=QUICK,
    )  # fmt: skip
    with caplog.at_level("WARNING"):
        vae = harden(teacher, store, out=tmp_path / "vae", steps=60, train=QUICK, part=0.0)
    assert told_by(vae.meta[HARDENED]) == ["key"] and "WARNING: key is lost" in caplog.text
    kept = vae.meta[HARDENED]
    assert kept["lost"] and {*kept["lost"]} <= {*kept["active"]}
    assert {*kept["follows"].values()} == {"key"}


def test_a_lost_latent_is_named_after_what_it_follows(store: FrameStore) -> None:
    rows = np.arange(0, 400, 2)
    x = torch.from_numpy(store.take("factors", rows)[:, 0])
    noise = torch.randn(len(rows), generator=torch.Generator().manual_seed(0))
    assert _followed(store, rows, torch.stack([-x, noise], 1), [2, 5]) == {"2": "x"}
    assert _followed(store, rows, torch.empty(len(rows), 0), []) == {}


def test_agreement_is_one_less_the_share_that_is_left() -> None:
    target = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    found = agreement(torch.tensor([[0.0, 5.0], [1.0, 5.0]]), target)
    assert torch.allclose(found, torch.tensor([0.5, 0.0]))


def test_what_is_lost_is_said() -> None:
    state = {
        "place": {"clean": 0.95, "before": 0.1, "after": 0.9},
        "key": {"clean": 0.9, "before": 0.2, "after": 0.3},
        "never known": {"clean": 0.3, "before": 0.0, "after": 0.0},
    }
    kept = {
        "against": ["colour"], "std": [1.0, 1.0, 0.1], "active": [0, 1],
        "r2": [0.9, 0.1, 0.0], "r2_clean": [1.0, 0.9, 0.0], "before": [0.0, 0.0, 0.0], "lost": [1],
        "follows": {"1": "key"}, "state": state,
    }  # fmt: skip
    assert told_by(kept) == ["key"]
    said = " ".join(hardened_sentences(kept, ["z0", "z1", "z2"]))
    assert "z1 (key)" in said and "key 0.90 to 0.30" in said and "WARNING: key is lost" in said
    assert "too few batches" not in said
    begun = " ".join(hardened_sentences({**kept, "r2_clean": [0.3, 0.1, 0.0]}, ["z0", "z1", "z2"]))
    assert "too few batches" in begun and "another seed" in begun


def test_the_gradient_of_the_phase_is_bounded_whatever_came_before() -> None:
    train = train_of_phase(TrainConfig(batch_size=8, max_grad_norm=1000.0))
    assert train == TrainConfig(batch_size=8, max_grad_norm=1.0, learning_rate=4e-3)


def test_by_default_it_is_optimised_as_the_phase_is(
    teacher: BetaVAE, store: FrameStore, tmp_path: Path
) -> None:
    told = harden(teacher, store, out=tmp_path, steps=1, verbose=0).meta["training"]["train"]
    assert (told["learning_rate"], told["max_grad_norm"]) == (4e-3, 1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": -1}, "seed must not be negative, got -1"),
        ({"steps": 1.5}, "steps must be a whole number, got 1.5"),
        ({"against": ["smell"]}, "unknown variation 'smell'"),
        ({"against": []}, "no variation is named"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"clean": -1}, "clean must be"),
        ({"strength": 3.0}, "strength must be from 0 to 2"),
        ({"latents": "content"}, "no latent group 'content'"),
    ],
)
def test_settings_that_cannot_be(
    settings: dict[str, Any], message: str, teacher: BetaVAE, store: FrameStore, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        harden(teacher, store, out=tmp_path, **settings)
    assert not list(tmp_path.iterdir())


def test_frames_that_do_not_fit(teacher: BetaVAE, store: FrameStore, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="collect them first"):
        harden(teacher, "CarRacing-v3", out=tmp_path)
    larger = np.zeros((50, 48, 48, 3), np.uint8)
    with pytest.raises(
        ValueError, match=r"\(3, 48, 48\), the VAE takes .* --size 32 32, .*size=\(32, 32\)"
    ):
        harden(teacher, larger, out=tmp_path / "a")
    assert not (tmp_path / "a").exists()  # nothing is in the way of the right frames
    same = np.full((50, 32, 32, 3), 7, np.uint8)
    with pytest.raises(ValueError, match="latents of the teacher hardly vary on these frames"):
        harden(teacher, same, out=tmp_path / "same", steps=2, train=QUICK)
    with pytest.raises(ValueError, match="all 6 latents of the teacher are inactive"):
        harden(BetaVAE(CONFIG), store, out=tmp_path / "never", steps=2, train=QUICK)
    with pytest.raises(ValueError, match="has 1 frames, too few to hold some out"):
        harden(teacher, store.read(np.arange(1)).frames, out=tmp_path / "one", steps=2)
    with pytest.raises(ValueError, match="is the teacher itself; give another out"):
        harden(teacher.folder or "", store, out=teacher.folder or "", steps=2)
    other = BetaVAE(replace(CONFIG, hidden=16))
    with pytest.raises(ValueError, match=r"other widths .*hidden=16\) than .*hidden=32\): leave"):
        harden(teacher, store, out=tmp_path / "start", start=other)
    longer = BetaVAE(replace(CONFIG, latent_dim=7))
    with pytest.raises(ValueError, match=r"another config than the teacher \(latent_dim 7, not 6"):
        harden(teacher, store, out=tmp_path / "start", start=longer)
    assert not (tmp_path / "start").exists()
    grey = BetaVAE(VAEConfig(shape=(1, 32, 32), channels=(8, 8, 8), hidden=16))
    with pytest.raises(ValueError, match="'colour' needs pictures of 3 channels"):
        harden(grey, np.zeros((50, 32, 32, 1), np.uint8), out=tmp_path / "b")
    dull = BetaVAE(CONFIG)
    dull.meta["statistics"] = {"mean": [0.0] * 6, "std": [0.01] * 6, "kl": [0.0] * 6}
    with pytest.raises(ValueError, match="all 6 latents of the teacher are inactive"):
        refuse_inactive(dull)


def test_the_teacher_in_hand_stays_as_it_is(
    teacher: BetaVAE, store: FrameStore, tmp_path: Path
) -> None:
    mine = BetaVAE.load(teacher.folder or "").train()
    vae = harden(mine, store, out=tmp_path / "vae", steps=2, train=QUICK, verbose=0)
    assert mine.training and all(weight.requires_grad for weight in mine.parameters())
    assert vae.meta["training"]["frames"] == len(store)  # which the teacher saw, too
    left = tmp_path / "vae" / "checkpoint.pt"  # of a run that was stopped in its very last line
    left.touch()
    harden(mine, store, out=tmp_path / "vae", steps=2, train=QUICK, verbose=0)
    assert not left.exists()
