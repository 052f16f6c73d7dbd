"""What an agent sees, kept in pairs: the right frames, and pairs that every source finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.pair_recorder import PairRecorder
from bvae_rl.envs.planar.push import PlanarPush
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.vae import VAEConfig
from bvae_rl.training.batches import Rows
from bvae_rl.training.objectives.pair_supervised import PairSupervisedObjective
from bvae_rl.training.pair_sources import untold
from bvae_rl.training.pretrain import TrainConfig, pretrain
from bvae_rl.training.quads import crossed
from bvae_rl.training.schedules import constant
from tests.plug_cases import NoiseEnv

CONFIG = VAEConfig(
    shape=(3, 32, 32), latents=6, channels=(8, 8, 8), hidden=16,
    groups={"content": (0, 4), "look": (4, 6)}, parts={"actuator0": (0, 1), "actuator1": (1, 2)},
)  # fmt: skip
Seen = list[tuple[np.ndarray, np.ndarray, np.ndarray]]


def reach(looks: str = "pretrain") -> PlanarReach:
    return PlanarReach(size=32, looks=looks)


def interact(env: gym.Env, steps: int, *, lone: float = 0.0) -> Seen:
    """(before, action, after) of each step; a ``lone`` share of the actions has one component."""
    rng = np.random.default_rng(7)
    seen: Seen = []
    now, _ = env.reset(seed=3)
    for _ in range(steps):
        action = rng.uniform(-1.0, 1.0, 2).astype(np.float32)
        if rng.random() < lone:
            action[rng.integers(2)] = 0.0
        after, _, terminated, truncated, info = env.step(action)
        seen.append((np.array(now), info.get("probe", action), np.array(after)))
        now = env.reset()[0] if terminated or truncated else after
    return seen


def record(folder: Path, *, steps: int = 300, lone: float = 0.0, **settings: Any) -> FrameStore:
    env = PairRecorder(reach(), folder, **{"seed": 0, "share": 0.3, **settings})
    interact(env, steps, lone=lone)
    env.close()
    return FrameStore(folder)


def test_rows_are_steps_of_the_interaction(tmp_path: Path) -> None:
    env = PairRecorder(reach(), tmp_path, seed=0, share=0.3)
    seen = interact(env, 300)
    env.close()
    alone = interact(reach(), 300)
    assert all(
        np.array_equal(a, b)
        for x, y in zip(seen, alone, strict=True)
        for a, b in zip(x, y, strict=True)
    )
    frames = FrameStore(tmp_path).read()
    n = len(frames) // 2
    assert 60 < n < 120
    assert frames.episode.tolist() == [i // 2 for i in range(2 * n)]
    assert frames.state.tolist() == list(range(2 * n))
    found = {(b.tobytes(), a.tobytes()): action for b, action, a in seen}
    assert frames.actions is not None and frames.factors is not None
    for i in range(n):
        before, after = frames.frames[2 * i : 2 * i + 2]
        action = found[before.tobytes(), after.tobytes()]  # KeyError: no such step
        assert np.array_equal(frames.actions[2 * i], action)
        assert not frames.actions[2 * i + 1].any()
    assert np.array_equal(frames.factors[0::2, 4:], frames.factors[1::2, 4:])
    again = reach()
    again.reset()
    shown = [again.set_factors(row) for row in frames.factors[:10].astype(np.float64)]
    assert np.abs(np.stack(shown).astype(int) - frames.frames[:10]).mean() < 1.0


def test_each_source_finds_its_pairs(tmp_path: Path) -> None:
    store = record(tmp_path / "plain", lone=0.3)
    rows = Rows(store)
    actions = np.asarray(store.array("actions"))
    alone = np.flatnonzero((actions != 0).sum(1) == 1)
    first, last, which = rows.acted()
    assert 5 < len(alone) < len(actions) / 3
    assert np.array_equal(first, alone) and np.array_equal(last, alone + 1)
    assert np.array_equal(which, actions[alone].astype(bool).argmax(1))
    assert np.array_equal(rows.following(1), np.arange(len(store)).reshape(-1, 2))
    untold("consecutive+actuators+augment", rows)
    with pytest.raises(ValueError, match=r"two looks.*gives: actuators, consecutive, augment"):
        untold("looks", rows)
    with pytest.raises(ValueError, match="moved alone"):
        untold("actuators", Rows(record(tmp_path / "never alone")))


def test_probes_move_one_actuator_and_say_so(tmp_path: Path) -> None:
    env = PairRecorder(reach(), tmp_path, seed=0, share=0.4, probe=0.5)
    plain, rng = 0, np.random.default_rng(0)
    env.reset(seed=3)
    for step in range(400):
        if step % 50 == 0:
            env.reset()
        info = env.step(rng.uniform(-1.0, 1.0, 2))[4]
        plain += "probe" not in info
        if "probe" in info:
            assert np.count_nonzero(info["probe"]) == 1
            assert 0.5 <= np.abs(info["probe"]).max() <= 1.0
    env.close()
    assert plain == pytest.approx(400 * 0.8, abs=30)
    actions = np.asarray(FrameStore(tmp_path).array("actions"))[0::2]
    lone = np.count_nonzero(actions, axis=1) == 1
    assert lone.mean() == pytest.approx(0.5, abs=0.15)
    assert {0, 1} == set(actions[lone].astype(bool).argmax(1).tolist())


def test_a_twin_shows_the_same_states_in_another_look(tmp_path: Path) -> None:
    env = PairRecorder(reach("source"), tmp_path, seed=0, share=0.3, probe=0.5, twin=reach())
    seen = interact(env, 300)
    env.close()
    without = PairRecorder(reach("source"), tmp_path / "without", seed=0, share=0.3, probe=0.5)
    for x, y in zip(seen, interact(without, 300), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(x, y, strict=True))
    store = FrameStore(tmp_path)
    frames, rows = store.read(), Rows(store)
    assert frames.factors is not None and frames.actions is not None
    quads = frames.factors.reshape(-1, 4, 7)
    assert np.array_equal(quads[:, :2, :4], quads[:, 2:, :4])
    assert (quads[:, 0, 4:] != quads[:, 2, 4:]).any(1).all()
    assert np.array_equal(quads[:, 2, 4:], quads[:, 3, 4:])
    assert frames.episode.tolist() == [i // 2 for i in range(len(frames))]
    assert frames.state.tolist() == [2 * (i // 4) + i % 2 for i in range(len(frames))]
    moved = frames.actions.reshape(-1, 4, 2)
    assert np.array_equal(moved[:, 0], moved[:, 2]) and not moved[:, [1, 3]].any()
    assert len(rows.same_state) == len(frames) // 2
    for name in ("looks", "actuators", "consecutive", "augment"):
        untold(name, rows)
    crossed("looks+actuators", rows, CONFIG)
    objective = PairSupervisedObjective(constant(1.0), pairs="looks+actuators")
    train = TrainConfig(batch=12, precision="float32")
    pretrain(store, CONFIG, objective, steps=2, seed=0, out=tmp_path / "vae", train=train)


def test_states_that_the_twin_refuses_are_kept_in_one_look(tmp_path: Path) -> None:
    class Picky(PlanarReach):
        def set_factors(self, factors: np.ndarray) -> np.ndarray:
            if factors[2] > 0.0:
                raise ValueError("not with the target there")
            return super().set_factors(factors)

    store = record(tmp_path, twin=Picky(size=32, looks="pretrain"))
    state = np.asarray(store.array("state"))
    target = np.asarray(store.array("factors"))[:, 2]
    _, count = np.unique(state, return_counts=True)
    pairs = np.stack([count[0::2], count[1::2]], axis=1)
    assert set(map(tuple, pairs.tolist())) == {(1, 1), (2, 2)}
    assert np.array_equal(np.isin(state, np.flatnonzero(count == 2)), target <= 0.0)


def test_the_seed_decides_what_is_kept(tmp_path: Path) -> None:
    stores = [
        record(tmp_path / str(i), steps=150, seed=seed, probe=0.3, twin=reach()).read().arrays()
        for i, seed in enumerate((5, 5, 6))
    ]
    assert all(np.array_equal(array, stores[1][name]) for name, array in stores[0].items())
    assert len(stores[0]["frames"]) != len(stores[2]["frames"])


def test_blocks_are_written_as_they_fill_and_the_rest_at_close(tmp_path: Path) -> None:
    env = PairRecorder(reach(), tmp_path, seed=0, share=1.0, block=8)
    interact(env, 20)
    assert len(FrameStore(tmp_path)) == 2 * 16
    env.flush()
    assert len(FrameStore(tmp_path)) == 2 * 20
    interact(env, 3)
    env.close()
    env.close()
    store = FrameStore(tmp_path)
    assert len(store) == 2 * 23
    store.verify()
    assert store.blocks == 4
    assert store.factor_specs == reach().factor_specs
    assert np.asarray(store.array("episode")).tolist() == [i // 2 for i in range(46)]
    assert np.asarray(store.array("state")).tolist() == list(range(46))


def test_steps_that_change_no_pixel_or_the_look_are_not_kept(tmp_path: Path) -> None:
    class Odd(PlanarReach):
        def step(self, action: np.ndarray) -> Any:
            observation, *rest, info = super().step(action)
            if action[0] > 0:
                changed = self.factors()
                changed[6] = 1.0 - changed[6]  # the background
                observation, info = self.set_factors(changed), {**info, "factors": changed}
            return observation, *rest, info

    env = PairRecorder(Odd(size=32, looks="pretrain"), tmp_path, seed=0, share=1.0)
    env.reset(seed=0)
    for action in ([0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]):
        env.step(np.array(action))
    env.close()
    assert np.asarray(FrameStore(tmp_path).array("actions"))[0::2].tolist() == [[-1.0, 0.0]]


def test_several_recorders_of_a_process_share_a_store(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    venv = DummyVecEnv(
        [
            lambda seed=seed: PairRecorder(reach(), store, seed=seed, share=0.5, block=5)  # type: ignore[misc]
            for seed in (0, 1)
        ]
    )
    venv.reset()
    for _ in range(60):  # episodes of 50: what ends them is the last frame, not the next reset's
        venv.step(np.stack([venv.action_space.sample() for _ in range(2)]))
    venv.close()
    store = FrameStore(tmp_path)
    store.verify()
    assert np.asarray(store.array("state")).tolist() == list(range(len(store)))
    factors = np.asarray(store.array("factors")).reshape(-1, 2, 7)
    assert np.array_equal(factors[:, 0, 2:], factors[:, 1, 2:])  # target and look stay in a step


def test_unknown_factors_and_choices_are_recorded_without(tmp_path: Path) -> None:
    env = PairRecorder(NoiseEnv("channels first", discrete=True), tmp_path, seed=0, share=1.0)
    env.reset(seed=0)
    for action in (2, 0, 1):
        env.step(action)
    env.close()
    frames = FrameStore(tmp_path).read()
    assert frames.factors is None and frames.frames.shape == (6, 32, 32, 3)
    assert frames.actions is not None and frames.actions[:, 0].tolist() == [2, 0, 0, 0, 1, 0]
    with pytest.raises(ValueError, match="moved alone"):
        untold("actuators", Rows(FrameStore(tmp_path)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"share": 0.0}, r"share must be in \(0, 1\], got 0"),
        ({"probe": 1.5}, r"probe must be in \[0, 1\], got 1.5"),
        ({"block": 0}, "block must be at least 1 pair, got 0"),
        ({"twin": NoiseEnv()}, "cannot be set"),
        ({"twin": PlanarReach(size=48)}, r"shows \(3, 48, 48\)"),
        ({"twin": PlanarPush(size=32)}, "state factors"),
    ],
)
def test_bad_settings_are_refused(tmp_path: Path, settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PairRecorder(reach(), tmp_path, **{"seed": 0, **settings})


def test_what_cannot_be_recorded_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="moves one actuator at a time"):
        PairRecorder(NoiseEnv(discrete=True), tmp_path, seed=0, probe=0.1)
    env = reach()
    with pytest.raises(ValueError, match="another environment than the one"):
        PairRecorder(env, tmp_path, seed=0, twin=env)
    with pytest.raises(ValueError, match="drew 20 looks and each was the one on show"):
        interact(PairRecorder(reach("source"), tmp_path, seed=0, twin=reach("source")), 100)
    record(tmp_path / "reach")
    other = PairRecorder(PlanarPush(size=32), tmp_path / "reach", seed=0, share=1.0)
    interact(other, 3)
    with pytest.raises(
        ValueError, match=r"holds frames of the factors \['shoulder', .*another folder"
    ):
        other.close()

    class Silent(PlanarReach):
        def _info(self, success: bool) -> dict[str, Any]:
            return {}

    with pytest.raises(ValueError, match=r"does not tell them in info\['factors'\]"):
        PairRecorder(Silent(size=32), tmp_path, seed=0, twin=reach()).reset()
