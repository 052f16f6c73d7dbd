"""True factors as observations: what the methods ``state`` and ``blind`` see instead of frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.info_factors import info_factors


class FactorVecEnv(VecEnvWrapper):
    """Shows true factors instead of frames, each scaled to [-1, 1] by its spec.

    A cyclic factor becomes its cosine and sine, a categorical one a one-hot code of -1 and 1.
    ``names`` picks the factors by name. ValueError for names that it does not have.
    """

    def __init__(self, venv: VecEnv, specs: Sequence[FactorSpec], *, names: Sequence[str]) -> None:
        known = [spec.name for spec in specs]
        if unknown := sorted(set(names) - set(known)):
            raise ValueError(f"unknown factors {unknown}; known: {', '.join(known)}")
        self.columns = [known.index(name) for name in names]
        self.specs = [specs[column] for column in self.columns]
        size = sum(len(_scaled(spec, spec.low)) for spec in self.specs)
        super().__init__(venv, gym.spaces.Box(-1.0, 1.0, (size,), np.float32))

    def reset(self) -> np.ndarray:
        self.venv.reset()
        self.reset_infos = self.unwrapped.reset_infos
        return self._observe(self.reset_infos)

    def step_wait(self) -> VecEnvStepReturn:
        _, rewards, dones, infos = self.venv.step_wait()
        self.reset_infos = self.unwrapped.reset_infos
        now = list(infos)
        for i in np.flatnonzero(dones):
            infos[i]["terminal_observation"] = self._observe([infos[i]])[0]
            now[i] = self.reset_infos[i]
        return self._observe(now), rewards, dones, infos

    def _observe(self, infos: Sequence[dict[str, Any]]) -> np.ndarray:
        if info_factors(infos[0]) is None:
            raise ValueError(
                "this environment puts no row of numbers as 'factors' into info, at reset or step"
            )
        factors = np.stack([info["factors"] for info in infos])[:, self.columns]
        rows = [
            np.concatenate([_scaled(*pair) for pair in zip(self.specs, row, strict=True)])
            for row in factors
        ]
        return np.stack(rows).astype(np.float32)  # (n_envs, size)


def state_view(venv: VecEnv) -> FactorVecEnv:
    """All factors of role "state". ValueError if the environment has no factors."""
    specs = _specs(venv)
    return FactorVecEnv(venv, specs, names=[s.name for s in specs if s.role == "state"])


def blind_view(venv: VecEnv) -> FactorVecEnv:
    """The factors that the environment's ``proprioception`` names: what a body feels unseeing."""
    specs = _specs(venv)
    try:
        names = venv.get_attr("proprioception", 0)[0]
    except AttributeError as error:
        raise ValueError(
            "the method 'blind' shows what a body feels unseeing; give the environment an "
            f"attribute proprioception, a tuple of names out of: {', '.join(s.name for s in specs)}"
        ) from error
    return FactorVecEnv(venv, specs, names=names)


def _specs(venv: VecEnv) -> tuple[FactorSpec, ...]:
    try:
        specs: tuple[FactorSpec, ...] = venv.get_attr("factor_specs", 0)[0]
    except AttributeError as error:
        cure = getattr(venv.unwrapped, "without_factors", None) or (
            "give it some with --wrappers my_module:with_factors (bvae_rl.FactorWrapper)"
        )
        raise ValueError(
            "this method shows true factors, and the environment has no factor_specs; "
            f"{cure}, or leave the method out"
        ) from error
    return specs


def _scaled(spec: FactorSpec, value: float) -> np.ndarray:
    if spec.kind == "categorical":
        return np.where(np.isclose(spec.values, value), 1.0, -1.0)
    unit = (value - spec.low) / (spec.high - spec.low)
    if spec.kind == "cyclic":
        return np.array([np.cos(2 * np.pi * unit), np.sin(2 * np.pi * unit)])
    return np.array([2.0 * unit - 1.0])
