"""The extractor in every algorithm of SB3 and sb3-contrib: train, save, load elsewhere, act alike.

A model is trained for a few steps and saved, the VAE's folder is deleted, and a fresh process loads
the zip. ``TABLE`` covers the axes pairwise (every value that can go with another one does, in some
row), with the algorithms taken by their kind; ``pytest -m full`` runs all that the encoder sees
(pictures, stack, order, share, mode) with every algorithm, and the rest of the axes by lot.
CrossQ has no image policies, so it stands over ``LatentVecEnv``.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from functools import partial
from itertools import combinations, product
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback, EvalCallback
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecEnv,
    VecFrameStack,
    VecNormalize,
    VecTransposeImage,
)

from bvae_rl.models.digest import fingerprint
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.sb3 import (
    BetaVAECombinedExtractor,
    BetaVAEExtractor,
    LatentVecEnv,
    OnlineBetaVAE,
    inspect,
    policy_kwargs,
)
from bvae_rl.sb3.copies import encoder_copies
from bvae_rl.training.fine_tune import FineTuneConfig
from bvae_rl.training.schedules import Linear
from tests import everywhere_world
from tests.everywhere_cases import (
    AXES,
    HYPERPARAMETERS,
    KIND_OF,
    KINDS,
    Case,
    case_of,
    everything,
    table,
)
from tests.everywhere_world import make_world
from tests.plug_cases import PLAIN

sb3_contrib = pytest.importorskip("sb3_contrib")
# tqdm's own word on the progress bar that SB3 draws
pytestmark = pytest.mark.filterwarnings("ignore:rich is experimental/alpha")
# Environments travel to SubprocVecEnv by value: its workers cannot import the tests.
cloudpickle.register_pickle_by_value(everywhere_world)

CONFIG = VAEConfig(shape=(3, 32, 32), latent_dim=4, channels=(8, 8, 8), hidden=16)
STEPS = 16
HEADS: dict[str, dict[str, Any]] = {
    "RecurrentPPO": {"lstm_hidden_size": 8},
    "QRDQN": {"n_quantiles": 5},
    "TQC": {"n_quantiles": 5},
}


def pairs(case: Case) -> set[Any]:
    values = asdict(case) | {"algorithm": KIND_OF[case.algorithm]}
    return set(combinations(values.items(), 2))


def test_the_table_has_every_algorithm_and_every_pair_that_can_go_together():
    assert list(AXES) == [field.name for field in fields(Case)]
    assert all(case.possible for case in table())
    assert {case.algorithm for case in table()} == set(HYPERPARAMETERS)
    possible = (case for values in product(*AXES.values()) if (case := case_of(values)).possible)
    missing = set().union(*map(pairs, possible)) - set().union(*map(pairs, table()))
    assert not missing, missing


def environment(case: Case, vae: Path) -> VecEnv:
    discrete = case.algorithm == "MaskablePPO" or KIND_OF[case.algorithm] == "values"
    factory = partial(make_world, case.pictures, case.order, discrete=discrete)
    # the workers of SubprocVecEnv are forked from a process that has imported SB3 once for all
    multiprocessing.set_forkserver_preload(["stable_baselines3.common.vec_env.subproc_vec_env"])
    venv: VecEnv = {"Dummy": DummyVecEnv, "Subproc": SubprocVecEnv}[case.venv]([factory] * 2)
    if case.stack:
        venv = VecFrameStack(venv, case.stack)
    if case.algorithm == "CrossQ":
        venv = LatentVecEnv(venv, BetaVAE.load(vae))
    elif case.normalise != "none" and case.order == "last":
        # where SB3 would put it above VecNormalize, and its replay buffers then get both orders
        venv = VecTransposeImage(venv)
    if case.normalise == "reward":
        venv = VecNormalize(venv, norm_obs=False)
    if case.normalise == "vectors":
        venv = VecNormalize(venv, norm_obs_keys=["arm"])
    return venv


def build(case: Case, vae: Path) -> Any:
    cls = class_of(case.algorithm)
    kwargs: dict[str, Any] = {"net_arch": [8]}
    kind, policy = KIND_OF[case.algorithm], "MlpPolicy"
    if kind != "latents":
        one = case.pictures == "image"
        extractor = BetaVAEExtractor if one else BetaVAECombinedExtractor
        kwargs = policy_kwargs(
            vae, mode=case.mode, net_arch=[8], extractor=extractor, stacked=case.stack or 1
        )
        lstm = "Lstm" if case.algorithm == "RecurrentPPO" else ""
        policy = f"{'Cnn' if one else 'MultiInput'}{lstm}Policy"
    if case.share != "none":
        kwargs["share_features_extractor"] = case.share == "shared"
    kwargs |= HEADS.get(case.algorithm, {})
    hyperparameters = HYPERPARAMETERS[case.algorithm]
    return cls(policy, environment(case, vae), policy_kwargs=kwargs, seed=0, **hyperparameters)


def class_of(name: str) -> type[BaseAlgorithm]:
    return getattr(stable_baselines3, name, None) or getattr(sb3_contrib, name)


def train_and_save(case: Case, vae: Path, out: Path) -> None:
    """Leave in ``out`` the zips of a trained model, each with observations and its actions."""
    model = build(case, vae)
    callbacks: list[BaseCallback] = []
    evaluation: VecEnv | None = None
    if case.mode == "online":
        config = FineTuneConfig(gradient_steps=1, batch_size=4)
        callbacks += [OnlineBetaVAE(vae, beta=Linear(0.1, 1.0, STEPS), train_freq=4, config=config)]
    if case.beside == "eval":
        evaluation = model._wrap_env(environment(case, vae))
        callbacks += [
            EvalCallback(
                evaluation, eval_freq=4, n_eval_episodes=2, best_model_save_path=str(out / "best"),
                verbose=0,
            )
        ]  # fmt: skip
    if case.beside == "checkpoint":
        callbacks += [CheckpointCallback(4, str(out / "checkpoints"), save_vecnormalize=True)]
    try:
        model.learn(STEPS, callback=callbacks, progress_bar=case.beside == "progress")
    finally:
        model.get_env().close()
        if evaluation is not None:
            evaluation.close()
    if KIND_OF[case.algorithm] != "latents":
        check_who_moved(model, case)
    model.save(out / "model.zip")
    record(model, out / "model.zip")
    if case.beside == "eval":
        record(type(model).load(out / "best" / "best_model.zip"), out / "best" / "best_model.zip")
    for path in (out / "checkpoints").glob("*.zip"):
        record(type(model).load(path), path)
    found = {path.name for path in out.rglob("*.zip")}
    kept = {"eval": {"best_model.zip"}, "checkpoint": {"rl_model_8_steps.zip"}}
    assert found >= {"model.zip"} | kept.get(case.beside, set()), found


def check_who_moved(model: Any, case: Case) -> None:
    copies = inspect(model)
    assert {copy.mode for copy in copies} == {case.mode}
    if case.mode == "frozen":
        assert not any(copy.moved for copy in copies)
    else:
        assert all(copy.moved for copy in copies)
    if case.mode == "online":
        assert len({fingerprint(copy.weights()) for copy in encoder_copies(model).values()}) == 1


def record(model: Any, path: Path) -> None:
    """Write observations of the model's space, and what it does there, beside its zip."""
    space = model.observation_space
    space.seed(0)
    batch = [some_observation(space, brightness) for brightness in np.linspace(0, 1, 6)]
    stacked = {key: np.stack([one[key] for one in batch]) for key in batch[0]}
    np.savez(path.with_suffix(".npz"), **stacked)
    observations = stacked.get("", stacked)
    actions, _ = model.predict(observations, deterministic=True)
    if isinstance(model.action_space, gym.spaces.Box):
        assert len(np.unique(actions[:, 0])) > 1  # the actions do depend on what is seen
    weights = b"".join(part.numpy().tobytes() for part in model.policy.state_dict().values())
    about = {
        "algorithm": type(model).__name__,
        "actions": actions.tolist(),
        "weights": hashlib.sha256(weights).hexdigest(),
    }
    path.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")


def some_observation(space: gym.Space[Any], brightness: float) -> dict[str, Any]:
    parts = space.spaces if isinstance(space, gym.spaces.Dict) else {"": space}
    return {
        key: (part.sample() * brightness).astype(part.dtype)
        if part.dtype == np.uint8
        else part.sample()
        for key, part in parts.items()
    }


LOAD_AND_ACT = """
import hashlib, json, sys, warnings
from pathlib import Path
import numpy as np
import stable_baselines3, sb3_contrib

warnings.simplefilter("error")
results = {}
for path in sorted(Path(sys.argv[1]).rglob("*.zip")):
    name = json.loads(path.with_suffix(".json").read_text())["algorithm"]
    cls = getattr(stable_baselines3, name, None) or getattr(sb3_contrib, name)
    observations = dict(np.load(path.with_suffix(".npz")))
    observations = observations.get("", observations)
    model = cls.load(path, device="cpu")
    weights = b"".join(part.numpy().tobytes() for part in model.policy.state_dict().values())
    results[str(path)] = {
        "algorithm": name,
        "actions": model.predict(observations, deterministic=True)[0].tolist(),
        "weights": hashlib.sha256(weights).hexdigest(),
    }
print(json.dumps(results))
"""


def check_cases(cases: Sequence[Case], tmp_path: Path) -> None:
    """Train and save them all, delete the VAE, and let one fresh process act with every zip."""
    torch.manual_seed(0)
    untrained = BetaVAE(CONFIG)
    untrained.meta["statistics"] = PLAIN
    vae = untrained.save(tmp_path / "vae")
    models = tmp_path / "models"
    for case in cases:
        (models / case.name).mkdir(parents=True)
        try:
            train_and_save(case, vae, models / case.name)
        except BaseException as error:
            error.add_note(f"in {case}")
            raise
    shutil.rmtree(vae)
    done = subprocess.run(
        [sys.executable, "-c", LOAD_AND_ACT, str(models)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) >= len(cases)
    for path, there in found.items():
        here = json.loads(Path(path).with_suffix(".json").read_text(encoding="utf-8"))
        np.testing.assert_allclose(there["actions"], here["actions"], atol=1e-6, err_msg=path)
        assert there["weights"] == here["weights"], path


@pytest.mark.parametrize("kind", KINDS)
def test_saved_models_act_the_same_elsewhere_without_the_vae(kind, tmp_path):
    check_cases([case for case in table() if KIND_OF[case.algorithm] == kind], tmp_path)


@pytest.mark.full
@pytest.mark.parametrize(
    ("algorithm", "mode"),
    [both for both in product(KIND_OF, AXES["mode"]) if next(everything(*both), None)],
)
def test_saved_models_act_the_same_elsewhere_in_full(algorithm, mode, tmp_path):
    check_cases(list(everything(algorithm, mode)), tmp_path)
