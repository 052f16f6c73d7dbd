"""Names of recipes with a last phase and changes, and what they ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import bvae_rl
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.scripts.harden import command as harden
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.training.augment.colour import colour
from bvae_rl.training.augment.variations import named, vary
from bvae_rl.training.hardening.settings import Hardening
from bvae_rl.training.objectives.distillation import InvarianceDistillation
from bvae_rl.training.recipes.names import RecipeName
from bvae_rl.training.recipes.table import RECIPES, recipe
from bvae_rl.training.train_config import TrainConfig
from tests.objective_cases import drawn, make_vae


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bvae_rl.training.hardening.report.PROBE_STEPS", 10)


def test_a_name_says_row_last_phase_and_changes() -> None:
    found = recipe("plain_hardened:against=light+colour,steps=4000,frequency=2,channels=8+16+16")
    assert found.harden == Hardening(("light", "colour"), steps=4000, frequency=2.0)
    assert found.model == {"channels": (8, 16, 16)} and found.objective == "beta"
    assert recipe("plain").harden is None and recipe("plain") == RECIPES["plain"]
    assert recipe("darla_hardened").harden == Hardening()
    name = RecipeName.parse(found.name)
    assert str(name) == found.name and str(name.teacher) == "plain:channels=8+16+16"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("plain:steps=3", "write plain_hardened:steps=3"),
        ("plain_hardened:steps=few", "gives steps no number, but 'few'"),
        ("plain_hardened:steps=0", "steps must be a whole number from 1 on, got 0"),
        ("plain_hardened:", "NAME=VALUE"),
        ("plain_hardened:steps=3,steps=4", "each once"),
        ("plain_hardened:smell=1", "changes 'smell', which no recipe has"),
        ("plain_hardened:against=smell", "unknown variation 'smell'"),
        ("plain_hardened:frequency=0", "colour maps must be above 0, got 0"),
        ("plain_hardened:frequency=2,against=light", "frequency 2 is that of the colour maps"),
        (
            "plain_hardened:part=0,against=light",
            "colour is not among light; add it, or leave the part",
        ),
        ("plain:student_hidden=512", "write plain_hardened:student_hidden=512"),
        ("plain_hardened:part=1.5", "part is the share of the colour maps"),
        ("magic_hardened", "unknown recipe 'magic'"),
        ("auto_hardened", "as in plain_hardened"),
    ],
)
def test_names_that_cannot_be(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recipe(name)


def test_the_phase_is_half_as_long_unless_it_says_how_long() -> None:
    assert Hardening().batches(9) == 4 and Hardening().batches(1) == 1
    assert Hardening(steps=7).batches(9) == 7
    objective = Hardening(("colour",), clean=3, frequency=2.0).objective(make_vae())
    assert (objective.clean, objective.latents, objective.frequency) == (3, "all", 2.0)


def test_the_frequency_reaches_the_colour_maps_and_is_named_where_it_is_another() -> None:
    x = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = vary(x, named(["colour"], frequency=1.0), torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(1)
    torch.rand(len(x), generator=generator)  # who is varied
    assert torch.equal(found, colour(x, generator, frequency=1.0))
    teacher = make_vae()
    assert "frequency" not in InvarianceDistillation(teacher).identity()
    assert InvarianceDistillation(teacher, frequency=1.0).identity()["frequency"] == 1.0


def test_hardening_takes_the_frequency(tmp_path: Path) -> None:
    store = drawn(tmp_path / "frames", 96)
    settings = {"steps": 2, "train": TrainConfig(batch_size=16), "verbose": 0}
    teacher: Any = make_vae()
    with torch.no_grad():
        teacher.encoder[-1].weight.mul_(300.0)  # an untrained code is still
    vae = bvae_rl.harden(teacher, store, out=tmp_path / "vae", frequency=2.0, **settings)
    assert vae.meta["training"]["objective"]["frequency"] == 2.0
    saved = make_vae().save(tmp_path / "teacher")
    args = harden.Args(str(saved), (store.folder,), out=tmp_path / "cli", frequency=-1.0)
    with pytest.raises(ValueError, match="frequency of the colour maps must be above 0, got -1"):
        harden.main(args)


def test_pretraining_by_such_a_name_keeps_the_teacher(tmp_path: Path) -> None:
    store = drawn(tmp_path / "frames", 96)
    settings = {"steps": 4, "batch_size": 16, "channels": (8, 8, 8), "hidden": 16}
    recipe = "plain_hardened:steps=3,student_hidden=24"
    args = pretrain.Args.of(store.folder, recipe=recipe, out=tmp_path / "cli", **settings)
    pretrain.main(args, on_progress=lambda done: None)
    train = TrainConfig(batch_size=16)
    config = VAEConfig(shape=(3, 32, 32), channels=(8, 8, 8), hidden=16)
    bvae_rl.pretrain(
        store, config, out=tmp_path / "python", recipe=recipe, steps=4, train=train, verbose=0
    )
    for way in ("cli", "python"):
        vae, before = (BetaVAE.load(tmp_path / way / part) for part in ("", "teacher"))
        assert vae.meta["hardened"]["teacher"] == before.identity()
        assert (before.meta["training"]["steps"], vae.meta["training"]["steps"]) == (4, 3)
        assert (before.config.hidden, vae.config.hidden) == (16, 24)
    with pytest.raises(ValueError, match="or take the recipe plain"):
        pretrain.main(args.but(harden=("light",)))
    with pytest.raises(ValueError, match="or take the recipe plain"):
        bvae_rl.pretrain(store, out=tmp_path / "x", recipe="plain_hardened", harden="none")


def test_a_student_narrower_than_its_teacher_is_refused_before_any_training(tmp_path: Path) -> None:
    store = drawn(tmp_path / "frames", 96)
    config = VAEConfig(shape=(3, 32, 32), channels=(8, 8, 8), hidden=16)
    named = "plain_hardened:student_hidden={}"
    with pytest.raises(ValueError, match="student_hidden= of a recipe"):
        bvae_rl.pretrain(store, config, recipe=named.format(15), out=tmp_path / "x")
    with pytest.raises(ValueError, match="fewer units than its teacher"):
        bvae_rl.pretrain(store, recipe=named.format(255), out=tmp_path / "x")
    narrow = {"recipe": named.format(15), "out": tmp_path / "x"}
    start = BetaVAE(config).save(tmp_path / "start")
    for given in ({"hidden": 16}, {"start": start}):
        with pytest.raises(ValueError, match="hidden 16; got"):
            pretrain.main(pretrain.Args.of(store.folder, **narrow, **given))
    with pytest.raises(ValueError, match="hidden 16; got"):
        bvae_rl.pretrain(store, start=start, **narrow)
    assert not (tmp_path / "x").exists()


def test_a_small_vae_may_have_a_student_below_the_usual_widths(tmp_path: Path) -> None:
    store = drawn(tmp_path / "frames", 96)
    config = VAEConfig(shape=(3, 32, 32), channels=(8, 8, 8), hidden=16)
    start = BetaVAE(config).save(tmp_path / "start")
    args = pretrain.Args.of(
        store.folder, recipe="plain_hardened:steps=2,student_hidden=20", start=start, steps=2,
        batch_size=16, out=tmp_path / "vae",
    )  # fmt: skip
    assert pretrain.main(args, on_progress=lambda done: None).config.hidden == 20


def test_online_the_encoder_keeps_its_widths(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"hidden=512.* leave them out"):
        bvae_rl.OnlineBetaVAE(make_vae(), harden=Hardening(hidden=512))
