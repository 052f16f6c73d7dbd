"""A sweep chooses for the training that follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.scripts.pretrain import hardened
from bvae_rl.scripts.pretrain.hardened import before_last_phase
from bvae_rl.training.recipes.table import recipe
from tests.objective_cases import drawn


def test_its_recipe_is_the_one_that_the_chosen_pretraining_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, ...]] = []

    def best(store: FrameStore, *, against: tuple[str, ...] = (), say_why: bool) -> Any:
        seen.append(tuple(against))
        return recipe("augment_interventions" if "colour" in against else "plain")

    monkeypatch.setattr(hardened, "best_for", best)
    store = drawn(tmp_path, 64)
    args = pretrain.Args.of(store.folder)
    assert before_last_phase(args, store).recipe == "augment_interventions"
    assert seen == [("colour",)]  # after which it is hardened
    for alone in (args.but(recipe="plain"), args.but(harden=("none",)), args.but(start=Path("v"))):
        assert before_last_phase(alone, store) == alone
