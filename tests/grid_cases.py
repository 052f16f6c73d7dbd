"""MiniGrid worlds in known states, for the tests of their parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bvae_rl.envs.grid.world import MiniGridWorld, make

IDS = [
    f"MiniGrid-{name}-v0"
    for name in (
        "Empty-8x8",
        "DoorKey-8x8",
        "FourRooms",
        "Dynamic-Obstacles-Random-6x6",
        "PutNear-6x6-N2",
    )
]
DOOR_KEY = "MiniGrid-DoorKey-6x6-v0"
PUT_NEAR = "MiniGrid-PutNear-6x6-N2-v0"
AXES = ("column", "row")
LEFT, RIGHT, FORWARD, PICKUP, DROP, TOGGLE = range(6)
every_id = pytest.mark.parametrize("world_id", IDS)


def inner(env: MiniGridWorld) -> Any:
    return env.unwrapped


def named(env: MiniGridWorld, factors: np.ndarray | None = None) -> dict[str, float]:
    values = env.factors() if factors is None else factors
    return dict(zip([spec.name for spec in env.factor_specs], values.tolist(), strict=True))


def with_values(env: MiniGridWorld, **values: float) -> np.ndarray:
    now = named(env)
    assert values.keys() <= now.keys()
    return np.array(list({**now, **values}.values()))


def at(name: str, column: float, row: float) -> dict[str, float]:
    """The values that put a thing or the agent there."""
    return {f"{name}_column": column, f"{name}_row": row}


def door_key(**kwargs: Any) -> MiniGridWorld:
    """Seed 0 of a 6x6 grid, the agent and all things moved to known cells."""
    env = make(DOOR_KEY, **kwargs)
    env.reset(seed=0)
    places = {**at("agent", 1, 1), "agent_direction": 1.0, **at("key", 1, 2)}
    env.set_factors(with_values(env, **places, door_row=3, door_state=2))
    return env


def things(env: MiniGridWorld) -> list[Any]:
    """What is in the grid as thing1, thing2."""
    values = named(env)
    return [
        inner(env).grid.get(*(int(values[f"thing{n}_{axis}"]) for axis in AXES)) for n in (1, 2)
    ]
