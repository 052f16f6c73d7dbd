"""Whether two runs are the same: every field of everything that a run is made of counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bvae_rl.agents.config import AgentConfig, StepLimit
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.identity import changed, fingerprint, identity, refuse_changes
from bvae_rl.training.annealing import Annealing
from bvae_rl.training.batches.pixel_weights import Weighting
from bvae_rl.training.fine_tune import FineTuneConfig
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives import Objective
from bvae_rl.training.objectives.table import OBJECTIVES
from bvae_rl.training.recipes.table import objective_alone
from bvae_rl.training.schedules import (
    Constant,
    Cosine,
    Cyclical,
    Fading,
    Geometric,
    Linear,
    Ramp,
    Released,
)
from bvae_rl.training.train_config import TrainConfig
from tests.objective_cases import grids

SCHEDULES = (
    Constant(1.0), Linear(0.0, 1.0, 10), Cosine(0.0, 1.0, 10), Geometric(1.0, 10),
    Cyclical(1.0, 10), Ramp(2, 5), Fading(1.0, Ramp(2, 5)), Released(Constant(1.0), 5, 10),
)  # fmt: skip
CONFIGS = (
    TrainConfig(), VAEConfig(), Weighting("foreground"), FineTuneConfig(), AgentConfig(),
    EnvConfig("CartPole-v1"), FactorSpec("x"),
)  # fmt: skip
# Values that pass the checks of a field where a plain change of the number does not.
OTHERS: dict[str, Any] = {
    "batch_size": 32, "validation": 0.1, "decay": "none", "precision": "float32",
    "device": "cpu", "compile": False, "shape": (3, 32, 32), "kind": ["motion", "cyclic"],
    "role": "appearance",
    "groups": {"content": (0, 20), "style": (20, 32)}, "channels": (8, 8, 8),
    "encoder": "strided", "decoder": "broadcast", "levels": 10, "likelihood": "bernoulli",
    "channel_order": "BGR", "max_move": None, "average": 0.5, "algo": "sac", "n_steps": 250,
    "gamma": 0.5, "net_arch": (8,), "settings": {"gamma": 0.5}, "eval_limit": StepLimit(5, 9),
    "id": "Pendulum-v1", "size": (64, 64), "key": "front", "stacked": 4, "native": (4, 64, 64),
    "wrappers": ("a:B",), "kwargs": ("a=1",), "domain": "ood1", "name": "y",
    "values": (1.0, 2.0), "unit": "m", "low": -1.0, "high": 2.0, "first": 0.5, "ramp": 0.25,
    "combine": ["product", "average"], "variant": ["I", "II"], "sampled": [False, True],
    "mask": 0.5, "symmetric": False, "backend": "envpool",
    "pairs": "augment", "ki": 0.5, "to": 0.5, "weight_decay": 0.5, "beta_max": 4.0,
}  # fmt: skip


def changes(value: Any) -> Iterator[tuple[str, Any]]:
    """Every field of a dataclass by name, and a copy in which it is another."""
    for item in fields(value):
        if not item.init or item.name == "parts":  # which need groups: see below
            continue
        now = getattr(value, item.name)
        for other in candidates(item.name, now):
            try:
                yield item.name, replace(value, **{item.name: other})
            except (ValueError, TypeError):
                continue
            break
        else:
            raise AssertionError(f"no other value for {type(value).__name__}.{item.name} = {now!r}")


def candidates(name: str, now: Any) -> list[Any]:
    if callable(now):
        return [Constant(now(3) + 1.0), Constant(now(3))]
    plain: list[Any] = [not now] if isinstance(now, bool) else []
    if isinstance(now, int | float) and not isinstance(now, bool):
        plain = [now + 1, 2 * now, now + 4, now / 2]
    known = OTHERS.get(name, ())
    known = known if isinstance(known, list) else [known]
    return [*(other for other in known if other != now), *plain]


@pytest.mark.parametrize("value", [*SCHEDULES, *CONFIGS], ids=lambda value: type(value).__name__)
def test_every_field_counts(value: Any) -> None:
    seen = set()
    for name, other in changes(value):
        differences = changed(identity(value), identity(other))
        assert any(line.startswith(name) for line in differences), (name, differences)
        assert fingerprint(value) != fingerprint(other)
        seen.add(name)
    assert seen == {item.name for item in fields(value) if item.init} - {"parts"}


def test_parts_of_the_latents_count() -> None:
    whole = VAEConfig(groups={"content": (0, 24), "style": (24, 32)})
    parted = replace(whole, parts={"actuator0": (0, 1)})
    assert changed(identity(whole), identity(parted)) == ["parts.actuator0 absent, not [0, 1]"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return grids(tmp_path_factory.mktemp("frames"))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_folder_is_refused_for_every_hyperparameter_of_every_objective(
    name: str, store: FrameStore, tmp_path: Path
) -> None:
    row = OBJECTIVES[name]
    small = {"factor": {"width": 8.0}}.get(name, {})
    objective = row.make(
        row.hyperparameters("tuned", small), Annealing(10), pairs=row.pairs and "views"
    )
    wanted = replace(objective_alone(name), model={"channels": (4, 4, 4), "hidden": 8})
    config = wanted.make_config(store)
    quick = TrainConfig(batch_size=8, precision="float32", compile=False, validation=0.2)
    settings: dict[str, Any] = {"steps": 1, "seed": 0, "out": tmp_path, "train": quick}
    train_vae(store, config, objective, **settings)
    kept = BetaVAE.load(tmp_path).meta["training"]["objective"]
    assert kept == identity(objective) and kept["name"] == name
    for field_name, other in changes(objective):
        with pytest.raises(ValueError, match=rf"with other settings \(.*objective.*{field_name}"):
            train_vae(store, replace(config, levels=getattr(other, "levels", 0)), other, **settings)


@pytest.mark.parametrize(
    ("changed_setting", "named"),
    [
        ({"train": TrainConfig(batch_size=16, compile=False)}, r"train\.batch_size 8, not 16"),
        ({"config": VAEConfig(shape=(3, 32, 32), latent_dim=3)}, r"model\.latent_dim 4, not 3"),
        ({"seed": 1}, "seed 0, not 1"),
        ({"weighting": Weighting("foreground")}, "weighting None, not Weighting"),
        ({"objective": Constant(2.0)}, r"objective\.beta\.value 1, not 2"),
    ],
    ids=str,
)
def test_a_folder_is_refused_for_every_other_setting(
    changed_setting: dict[str, Any], named: str, store: FrameStore, tmp_path: Path
) -> None:
    from bvae_rl.training.objectives.beta_vae import BetaVAEObjective

    config = VAEConfig(shape=(3, 32, 32), latent_dim=4, channels=(4, 4, 4), hidden=8)
    quick = TrainConfig(batch_size=8, compile=False)
    given: dict[str, Any] = {
        "config": config, "objective": Constant(1.0), "steps": 1, "seed": 0, "train": quick
    }  # fmt: skip

    def run(**more: Any) -> BetaVAE:
        settings = {**given, **more}
        settings["objective"] = BetaVAEObjective(settings["objective"])
        return train_vae(store, out=tmp_path, **settings)

    run()
    with pytest.raises(ValueError, match=named):
        run(**changed_setting)


def test_a_start_is_named_by_its_weights(store: FrameStore, tmp_path: Path) -> None:
    """Online fine-tuning drops the notes of a VAE, and A's weights are not B's."""
    from bvae_rl.training.objectives.beta_vae import BetaVAEObjective

    config = VAEConfig(shape=(3, 32, 32), latent_dim=4, channels=(4, 4, 4), hidden=8)
    starts = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        starts.append(BetaVAE(config))  # no notes at all
    settings: dict[str, Any] = {
        "steps": 1, "seed": 0, "out": tmp_path, "train": TrainConfig(batch_size=8, compile=False)
    }  # fmt: skip
    objective = BetaVAEObjective(Constant(1.0))
    train_vae(store, config, objective, start=starts[0], **settings)
    with pytest.raises(ValueError, match=r"start\.weights_sha256 \w+\.*, not"):
        train_vae(store, config, objective, start=starts[1], **settings)


def test_identities_are_plain_and_differences_are_named() -> None:
    @dataclass(frozen=True)
    class Part:
        rate: float = 1.0
        state: list[int] = field(default_factory=list, init=False)

    whole = {"part": Part(), "path": Path("a/b"), "array": np.arange(3), "inf": math.inf}
    assert identity(whole) == {
        "part": {"is": "Part", "rate": 1.0}, "path": "a/b", "array": [0, 1, 2], "inf": "inf"
    }  # fmt: skip
    assert changed(identity(whole), identity(whole)) == []
    other = {**whole, "part": Part(2.0), "more": True}
    assert changed(identity(whole), identity(other)) == [
        "part.rate 1, not 2", "more absent, not True"
    ]  # fmt: skip
    assert changed({"n": 1}, {"n": True}) == ["n 1, not True"]
    with pytest.raises(TypeError, match="give a frozen dataclass"):
        identity({"beta": lambda step: 1.0})
    with pytest.raises(
        ValueError, match=r"holds a VAE made with other settings \(steps 1, not 2\)"
    ):
        refuse_changes(Path("runs/vae"), "a VAE", {"steps": 1}, {"steps": 2})


def test_an_objective_of_ones_own_counts_with_all_its_fields() -> None:
    @dataclass(frozen=True)
    class Mine(Objective):
        weight: float = 1.0
        name = "mine"

    assert identity(Mine()) == {"is": "Mine", "name": "mine", "weight": 1.0}
    assert changed(identity(Mine()), identity(Mine(2.0))) == ["weight 1, not 2"]
