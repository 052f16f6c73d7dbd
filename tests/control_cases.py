"""The Control Suite's worlds, and where their tests are skipped; continuous integration has to run
them wherever dm_control can be installed.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any

import numpy as np
import pytest

from bvae_rl.envs.control.cartpole import CartpoleSwingup
from bvae_rl.envs.control.finger import FingerSpin
from bvae_rl.envs.control.reacher import ReacherEasy
from bvae_rl.envs.control.suite import LAST_PYTHON, load_suite
from bvae_rl.envs.control.walker import WalkerWalk
from bvae_rl.envs.control.world import ControlWorld

CONTROL_WORLDS = {
    "cartpole": CartpoleSwingup,
    "reacher": ReacherEasy,
    "walker": WalkerWalk,
    "finger": FingerSpin,
}
every_world = pytest.mark.parametrize("make", CONTROL_WORLDS.values(), ids=CONTROL_WORLDS.keys())


@cache
def reason_to_skip() -> str:
    """Why the suite's worlds cannot be drawn here; empty where they can."""
    try:
        quick(ReacherEasy).reset(seed=0)
    except ImportError as error:
        return str(error)
    return ""


def need_suite() -> None:
    """Skip the calling test without dm_control or a renderer; with the variable CI set, fail it."""
    if reason := reason_to_skip():
        if os.environ.get("CI") and sys.version_info[:2] <= LAST_PYTHON:
            pytest.fail(f"CI has to draw the Control Suite: {reason}")
        pytest.skip(reason)


def quick(make: type[ControlWorld], **kwargs: Any) -> ControlWorld:
    """A world of small pictures without shadows."""
    return make(**{"size": 16, "shadows": False, **kwargs})


def suites(make: type[ControlWorld], seed: int) -> Any:
    """The suite's own environment of a world's task."""
    return load_suite().load(*make.task, task_kwargs={"random": seed})


def actions(env: ControlWorld, seed: int, steps: int) -> list[np.ndarray]:
    """Full-force actions, held for six steps each."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (steps, *env.action_space.shape))
    return list(np.repeat(signs, 6, axis=0)[:steps].astype(np.float32))


def named(env: ControlWorld) -> dict[str, float]:
    names = [spec.name for spec in env.factor_specs]
    return dict(zip(names, env.factors().tolist(), strict=True))


def with_values(env: ControlWorld, **values: float) -> np.ndarray:
    """The current factors with some replaced."""
    changed = {**named(env), **values}
    assert len(changed) == len(env.factor_specs)
    return np.array(list(changed.values()))
