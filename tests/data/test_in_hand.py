"""An environment in hand tells how it was made: two are not taken for each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import TransformReward
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

import bvae_rl
from bvae_rl import VariedEnv
from bvae_rl.data.in_hand import described, nameless
from tests.plug_cases import NoiseEnv

ID = "test/NoiseInHand-v0"


class Levels(NoiseEnv):
    def __init__(self, level: Any = None) -> None:
        super().__init__()


class Silent(gym.Wrapper[Any, Any, Any, Any]):
    """Keeps its argument for itself."""

    def __init__(self, env: gym.Env[Any, Any], size: int) -> None:
        super().__init__(env)


class Plain(gym.Wrapper[Any, Any, Any, Any]):
    """Has none."""


@pytest.fixture(autouse=True)
def registered() -> Any:
    gym.register(ID, Levels)
    yield
    del gym.registry[ID]


def doubled(reward: Any) -> Any:
    return 2 * reward


def test_arguments_that_are_no_numbers_count_by_what_they_are_made_of() -> None:
    a, b = (described(gym.make(ID, level=level)) for level in ((0, 20), (200, 220)))
    assert a != b and a == described(gym.make(ID, level=(0, 20)))
    assert described(gym.make(ID, level=np.ones(3))) != described(gym.make(ID, level=np.zeros(3)))


def test_wrappers_count_by_the_arguments_that_they_keep() -> None:
    def with_domain(domain: str) -> dict[str, Any]:
        return described(VariedEnv(gym.make(ID), domain))

    assert with_domain("source") != with_domain("colour")
    assert described(TransformReward(gym.make(ID), doubled)) != described(
        TransformReward(gym.make(ID), lambda reward: reward)
    )


def test_wrappers_of_one_kind_count_each() -> None:
    def twice(outer: Any) -> dict[str, Any]:
        return described(TransformReward(TransformReward(gym.make(ID), doubled), outer))

    found = twice(doubled)["wrapped"]
    assert {"TransformReward", "TransformReward-2"} <= found.keys()
    assert twice(doubled) != twice(lambda reward: reward)


def test_the_frames_that_are_made_of_pictures_are_told_by_the_store() -> None:
    assert not nameless(bvae_rl.framed(gym.make(ID), size=(16, 16)))


def test_a_silent_wrapper_is_nameless() -> None:
    assert nameless(NoiseEnv()) and not nameless(gym.make(ID))
    assert nameless(Silent(gym.make(ID), 3)) and not nameless(Plain(gym.make(ID)))
    assert nameless(DummyVecEnv([lambda: Silent(gym.make(ID), 3)]))


def test_frames_of_another_domain_are_refused(tmp_path: Path) -> None:
    bvae_rl.collect(VariedEnv(gym.make(ID), "source"), tmp_path, frames=8, max_episode_steps=4)
    with pytest.raises(ValueError, match=r"wrapped\.VariedEnv\.domain source, not colour"):
        bvae_rl.collect(VariedEnv(gym.make(ID), "colour"), tmp_path, frames=8)


def test_functions_of_another_process_stay_there() -> None:
    venv = SubprocVecEnv(
        [lambda: TransformReward(gym.make(ID), lambda reward: reward)], start_method="fork"
    )
    try:
        assert "TransformReward" in described(venv)["of"] and nameless(venv)
    finally:
        venv.close()


class Forgetful(NoiseEnv):
    """Tells two factors in its first episodes, and then now and again none, or three."""

    episodes = 0

    def reset(self, **given: Any) -> Any:
        self.episodes += 1
        observation, info = super().reset(**given)
        return observation, {**info, **self.told()}

    def step(self, action: Any) -> Any:
        observation, reward, _, cut, info = super().step(action)
        return observation, reward, False, cut, {**info, **self.told()}

    def told(self) -> dict[str, Any]:
        many = 0 if self.episodes == 30 else 3 if self.episodes == 60 else 2
        return {"factors": np.arange(many) / 4} if many else {}


def test_a_world_that_forgets_its_factors_is_collected_to_the_end(tmp_path: Path) -> None:
    store = bvae_rl.collect(Forgetful(), tmp_path / "s", frames=400, max_episode_steps=20)
    factors = store.array("factors")
    assert len(store) >= 400 and factors.shape[1] == 2
    missing = np.isnan(factors).any(axis=1)
    assert 0 < missing.sum() < len(store) / 2
    assert factors[~missing].tolist() == [[0.0, 0.25]] * int((~missing).sum())
