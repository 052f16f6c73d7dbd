"""Every MiniGrid and BabyAI world that is registered, against minigrid's own registry."""

from __future__ import annotations

import gymnasium as gym
import minigrid  # noqa: F401  registers its worlds
import numpy as np
import pytest

from bvae_rl.envs.grid.ids import GRID_WORLDS
from bvae_rl.envs.grid.world import make

SMALL = [name for name, size in GRID_WORLDS.items() if size == 64]


def newest() -> set[str]:
    """minigrid's ids without out-of-date versions."""
    versions: dict[str, int] = {}
    for spec in gym.registry.values():
        if spec.id.startswith(("MiniGrid-", "BabyAI-")):
            name = f"{spec.name}"
            versions[name] = max(versions.get(name, 0), spec.version or 0)
    return {f"{name}-v{version}" for name, version in versions.items()}


def test_all_of_minigrids_worlds_are_registered_but_those_without_their_files() -> None:
    missing = newest() - GRID_WORLDS.keys()
    assert GRID_WORLDS.keys() <= newest()
    assert len(missing) == 6
    for world_id in missing:
        assert "WFC" in world_id
        with pytest.raises(ValueError, match="png, which this release of minigrid does not ship"):
            make(world_id)


@pytest.mark.parametrize(
    "world_id",
    [*SMALL[::12], *(pytest.param(world_id, marks=pytest.mark.full) for world_id in GRID_WORLDS)],
)
def test_a_world_is_set_to_drawn_factors_and_played(world_id: str) -> None:
    size, rng = GRID_WORLDS[world_id], np.random.default_rng(0)
    assert size % 16 == 0 and 64 <= size <= 128
    for thing_colours in {False, world_id.startswith("MiniGrid-")}:
        env = make(world_id, size=size, thing_colours=thing_colours)
        assert size == 64 or smaller_is_refused(world_id, size - 16)
        for seed in range(3):
            frame, info = env.reset(seed=seed)
            assert frame.shape == (size, size, 3)
            assert np.array_equal(env.set_factors(info["factors"]), frame)
            wanted = env.sample_factors(rng)
            env.set_factors(wanted)
            assert np.array_equal(env.factors(), wanted)
            for _ in range(5):
                frame, _, terminated, truncated, info = env.step(env.action_space.sample())
                if terminated or truncated:
                    break
                assert np.array_equal(env.set_factors(info["factors"]), frame)


def smaller_is_refused(world_id: str, size: int) -> bool:
    with pytest.raises(ValueError, match="or more, or view='partial'"):
        make(world_id, size=size)
    return True
