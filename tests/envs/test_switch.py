"""``switch``: another appearance in the middle of an episode, and nothing else changes."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import bvae_rl.envs  # noqa: F401  (registers the worlds)
from tests.mujoco_cases import need_drawing

STEPS, AT = 8, 3
WORLDS = {  # by the package that it needs
    "PlanarReach-v0": "gymnasium", "PlanarPush-v0": "gymnasium", "CarRacing-v0": "Box2D",
    "MiniGrid-DoorKey-5x5-v0": "minigrid", "Pong-v0": "ale_py", "Highway-v0": "highway_env",
    "CartpoleSwingup-v0": "dm_control", "MujocoReacher-v0": "mujoco",
}  # fmt: skip


def made(name: str, domain: str = "source") -> Any:
    if find_spec(WORLDS[name]) is None:
        pytest.skip(f"needs {WORLDS[name]}")
    if WORLDS[name] in ("mujoco", "dm_control"):
        need_drawing()
    few = (
        {"config": {"lanes_count": 2, "vehicles_count": 4, "simulation_frequency": 2}}
        if "High" in name
        else {}
    )
    return gym.make(f"bvae_rl/{name}", domain=domain, **few)


def played(env: Any, domain: str | None) -> tuple[list[Any], list[np.ndarray]]:
    """What every step of an episode says without its picture, and the pictures."""
    switch = env.get_wrapper_attr("switch")
    frame, info = env.reset(seed=3)
    told, frames = [info], [frame]
    states = sum(spec.role == "state" for spec in env.get_wrapper_attr("factor_specs"))
    env.action_space.seed(0)
    for t in range(STEPS):
        if t == AT and domain is not None:
            shown = switch(domain, seed=5)
            assert shown.shape == frame.shape and not np.array_equal(shown, frames[-1])
        frame, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert info["domain"] == (domain if domain and t >= AT else "source")
        told.append((reward, terminated, truncated, info["factors"][:states].tolist()))
        frames.append(frame)
    return told[1:], frames


@pytest.mark.parametrize("name", WORLDS)
def test_the_state_goes_on_and_its_picture_is_another(name: str) -> None:
    env = made(name)
    told, frames = played(env, None)
    again, others = played(env, "ood2")
    assert again == told
    for t, (frame, other) in enumerate(zip(frames, others, strict=True)):
        assert np.array_equal(frame, other) == (t <= AT)
    once_more, back = played(env, None)  # a reset goes home, and draws what it would have drawn
    assert once_more == told and np.array_equal(back, frames)
    env.close()


def test_the_seed_makes_the_appearance_and_an_unknown_domain_changes_nothing() -> None:
    env = made("PlanarReach-v0").unwrapped
    env.reset(seed=0)
    first, second = env.switch("ood1", seed=1), env.switch("ood1", seed=2)
    assert not np.array_equal(first, second)
    assert np.array_equal(env.switch("ood1", seed=1), first)
    state, names = env.np_random.bit_generator.state, env.factor_specs
    with pytest.raises(ValueError, match="unknown visual domain 'nowhere'"):
        env.switch("nowhere")
    assert env.domain == "ood1" and np.array_equal(env.set_factors(env.factors()), first)
    env.switch("ood2:camera+texture")
    assert env.factor_specs == names and len(env.factors()) == len(names)
    assert env.np_random.bit_generator.state == state
