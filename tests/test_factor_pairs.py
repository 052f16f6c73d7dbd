"""Pairs that differ in k factors, or in what one actuator did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from bvae_rl.data.acted_pairs import acted_pairs
from bvae_rl.data.factor_pairs import pairs
from bvae_rl.data.factor_wrapper import FactorWrapper
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.paired_frames import PairedFrames
from bvae_rl.envs.planar.appearances import in_set
from bvae_rl.envs.planar.reach import SPECS, PlanarReach
from bvae_rl.envs.planar.world import MAX_STEP
from bvae_rl.training.batches import Rows
from tests.test_factor_wrapper import with_factors

NAMES = [spec.name for spec in SPECS]


def reach(looks: str = "pretrain") -> PlanarReach:
    return PlanarReach(size=32, looks=looks)


def only_read(env: gym.Env | None = None) -> FactorWrapper:
    """PlanarReach as an environment whose factors can be read and not set."""
    return FactorWrapper(env or reach(), SPECS, read=lambda env: env.unwrapped.factors())


@pytest.mark.parametrize("k", [1, 3, 7])
def test_exactly_k_factors_differ_and_the_frames_show_them(k: int) -> None:
    made = pairs(reach(), 40, k_changed=k, seed=0)
    assert made.changed.sum(axis=1).tolist() == [k] * 40
    assert made.changed.any(axis=0).all()  # each factor has its turn
    env = reach()
    for frames, factors in zip(made.frames, made.factors, strict=True):
        assert np.array_equal(frames, [env.set_factors(row) for row in factors])
    assert made.actuator is None


def test_k_may_be_drawn_and_the_names_chosen() -> None:
    made = pairs(reach(), 60, k_changed=None, seed=0, names=["elbow", "arm_colour"])
    assert set(made.changed.sum(axis=1)) == {1, 2}
    assert made.changed.any(axis=0).tolist() == [name in ("elbow", "arm_colour") for name in NAMES]


def test_one_seed_makes_the_same_pairs() -> None:
    one, same, other = (pairs(reach(), 10, k_changed=2, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.frames, same.frames) and np.array_equal(one.factors, same.factors)
    assert not np.array_equal(one.factors, other.factors)
    env = reach()
    walked = [acted_pairs(only_read(env), 10, seed=seed) for seed in (1, 1, 2)]
    assert np.array_equal(walked[0].frames, walked[1].frames)
    assert not np.array_equal(walked[0].frames, walked[2].frames)


def test_factors_that_never_vary_are_left_out() -> None:
    made = pairs(reach("source"), 30, k_changed=4, seed=0)
    assert made.changed.any(axis=0).tolist() == [True] * 4 + [False] * 3
    with pytest.raises(ValueError, match=r"from 1 to the 4 factors .*target_y\), got 5"):
        pairs(reach("source"), 1, k_changed=5, seed=0)
    with pytest.raises(ValueError, match=r"arm_colour never changed .* varies here: shoulder"):
        pairs(reach("source"), 1, k_changed=1, seed=0, names=["arm_colour"])


class Halves(PlanarReach):
    """Shoulder and elbow are never on different sides of their ranges."""

    def set_factors(self, factors: np.ndarray) -> np.ndarray:
        if (factors[0] > 1.57) != (factors[1] > 0):
            raise ValueError("that is impossible")
        return super().set_factors(factors)

    def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
        factors = super().sample_factors(rng)
        factors[1] = abs(factors[1]) * (1 if factors[0] > 1.57 else -1)
        return factors


def test_what_the_world_refuses_is_drawn_again() -> None:
    env = Halves(size=32)
    made = pairs(env, 40, k_changed=1, seed=0, names=["shoulder"])
    assert made.changed.sum() == 40
    assert ((made.factors[..., 0] > 1.57) == (made.factors[..., 1] > 0)).all()


def test_a_value_of_few_is_drawn_until_it_differs() -> None:
    made = pairs(with_factors(), 30, k_changed=1, seed=0, names=["size"])
    assert (made.factors[:, :, 2].sum(axis=1) == 4 + 8).all()


def test_a_pair_is_shown_in_the_palette_of_its_first_look() -> None:
    shown = []

    class Watched(PlanarReach):
        def set_factors(self, factors: np.ndarray) -> np.ndarray:
            frame = super().set_factors(factors)
            shown.append(self._look)
            return frame

    pairs(Watched(size=32, looks="ood2"), 40, k_changed=2, seed=0, names=NAMES[:4])
    assert len(shown) >= 80 and all(in_set(look, "ood2") for look in shown)


def test_a_change_that_is_never_possible_is_named() -> None:
    class Tied(PlanarReach):
        def set_factors(self, factors: np.ndarray) -> np.ndarray:
            if factors[0] != 1.57 + 0.4 * factors[1]:
                raise ValueError("the joints are tied")
            return super().set_factors(factors)

        def sample_factors(self, rng: np.random.Generator) -> np.ndarray:
            factors = super().sample_factors(rng)
            factors[0] = 1.57 + 0.4 * factors[1]
            return factors

    with pytest.raises(ValueError, match=r"only in elbow was found .*the joints are tied"):
        pairs(Tied(size=32), 1, k_changed=1, seed=0, names=["elbow"])


@pytest.mark.parametrize("settable", [True, False])
@pytest.mark.parametrize("steps", [1, 3])
def test_one_actuator_acts_and_nothing_else_moves(settable: bool, steps: int) -> None:
    env: Any = reach() if settable else only_read()
    made = acted_pairs(env, 60, seed=0, steps=steps)
    assert made.actions is not None and made.factors is not None
    assert ((made.actions != 0).sum(axis=1) == 1).all()
    assert set(made.actuator) == {0, 1}
    assert (np.abs(made.actions).max(axis=1) >= 0.5).all()
    assert set(np.sign(made.actions.sum(axis=1))) == {-1, 1}
    one_of_two = made.changed[:, :2]
    assert np.array_equal(one_of_two.argmax(axis=1), made.actuator)
    assert made.changed.sum(axis=1).tolist() == [1] * 60
    moved = (made.factors[:, 1] - made.factors[:, 0])[:, :2]
    free = np.isclose(moved, steps * MAX_STEP * made.actions, atol=1e-6).all(axis=1)
    assert free.mean() > 0.4  # the others ran into a joint's limit, or the episode's end
    for frames, factors in zip(made.frames, made.factors, strict=True):
        assert np.array_equal(frames, [env.unwrapped.set_factors(row) for row in factors])


def test_drawn_states_are_where_no_walk_leads() -> None:
    drawn = acted_pairs(reach(), 100, seed=0).factors[:, 0]
    walked = acted_pairs(only_read(), 100, seed=0).factors[:, 0]
    assert len(np.unique(drawn[:, 2])) == 100  # a target of its own for each
    assert len(np.unique(walked[:, 2])) < 20  # the target of an episode


class Other(gym.Env):
    """Actions of any kind; only the first component does anything."""

    observation_space = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)

    def __init__(self, action_space: gym.Space[Any]) -> None:
        self.action_space = action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.place, self.over = 0.0, False
        return self.draw(), {}

    def step(self, action: np.ndarray):
        assert not self.over, "a step after the end"
        self.place = (self.place + float(action[0])) % 30
        self.over = self.place > 29
        return self.draw(), 0.0, self.over, False, {}

    def draw(self) -> np.ndarray:
        frame = np.zeros((32, 32, 3), np.uint8)
        frame[3, int(self.place)] = 255
        return frame


def box(low: Any, high: Any) -> gym.spaces.Box:
    return gym.spaces.Box(np.float32(low), np.float32(high))


def test_without_factors_pairs_come_from_acting() -> None:
    made = pairs(only_read(), 10, k_changed=1, seed=0)
    assert set(made.actuator) == {0, 1} and made.factors is not None
    bare = pairs(Other(box([-2], [2])), 10, k_changed=1, seed=0)
    assert bare.factors is None and bare.changed is None and len(bare) == 10
    for wrong in ({"k_changed": 2}, {"k_changed": None}, {"k_changed": 1, "names": ["elbow"]}):
        with pytest.raises(ValueError, match="cannot be set, so pairs come from acting"):
            pairs(only_read(), 1, seed=0, **wrong)


def test_a_dead_actuator_is_named_and_can_be_left_out() -> None:
    env = Other(box([0, -1], [2, 1]))
    with pytest.raises(ValueError, match="actuator 1 never changed the frame"):
        acted_pairs(env, 10, seed=0)
    made = acted_pairs(env, 60, seed=0, actuators=[0], steps=20)
    assert set(made.actuator) == {0}
    assert (made.actions[:, 0] >= 1).all()  # where zero is a bound there is one side


@pytest.mark.parametrize(
    ("space", "error", "reason"),
    [
        (gym.spaces.Discrete(3), TypeError, r"needs actions Box.*got Discrete\(3\); make pairs by"),
        (box([1, -1], [2, 1]), ValueError, "must be finite and hold zero"),
        (box([-np.inf], [np.inf]), ValueError, "must be finite and hold zero"),
    ],
)
def test_actions_that_cannot_rest_are_refused(
    space: gym.Space[Any], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        acted_pairs(Other(space), 1, seed=0)


def test_bad_requests_say_what_is_known() -> None:
    for k in (0, 8):
        with pytest.raises(ValueError, match=f"from 1 to the 7 factors .* got {k}"):
            pairs(reach(), 1, k_changed=k, seed=0)
    with pytest.raises(ValueError, match=r"unknown factors \['hue'\]; known: shoulder"):
        pairs(reach(), 1, k_changed=1, seed=0, names=["hue"])
    with pytest.raises(ValueError, match="at least 1 pair, got 0"):
        pairs(reach(), 0, k_changed=1, seed=0)
    with pytest.raises(ValueError, match="numbered 0 to 1, got \\[2\\]"):
        acted_pairs(reach(), 1, seed=0, actuators=[2])
    with pytest.raises(ValueError, match="steps must be at least 1"):
        acted_pairs(reach(), 1, seed=0, steps=0)
    with pytest.raises(ValueError, match="need factors of shape"):
        PairedFrames(np.zeros((2, 2, 32, 32, 3), np.uint8), np.zeros((2, 2, 3)), SPECS)


def test_as_rows_of_a_store_they_mean_what_rows_mean_there(tmp_path: Path) -> None:
    look, state = ["arm_colour"], ["elbow", "target_x"]
    made = [pairs(reach(), 20, k_changed=1, seed=0, names=names) for names in (look, state)]
    store = FrameStore(tmp_path)
    for some in made:
        last = store.read(slice(-1, None)) if len(store) else None
        numbers = (0, 0) if last is None else (last.episode[0] + 1, last.state[0] + 1)
        store.append(some.rows(episode=numbers[0], state=numbers[1]))
    frames, rows = store.read(), Rows(store)
    assert np.array_equal(frames.frames[0::2][:20], made[0].frames[:, 0])
    assert rows.same_state.tolist() == [[2 * i, 2 * i + 1] for i in range(20)]
    together = np.sort(rows.same_look(np.random.default_rng(0), 200), axis=1)
    assert {tuple(pair) for pair in together} == {(40 + 2 * i, 41 + 2 * i) for i in range(20)}
    assert (np.diff(frames.episode) >= 0).all()


def test_rows_of_acted_pairs_keep_the_action() -> None:
    made = acted_pairs(reach(), 10, seed=0)
    rows = made.rows(episode=5, state=7)
    assert np.array_equal(rows.actions[0::2], made.actions) and not rows.actions[1::2].any()
    assert rows.episode.tolist() == np.repeat(np.arange(5, 15), 2).tolist()
    assert rows.state.tolist() == list(range(7, 27))
    unknown = PairedFrames(made.frames, actions=made.actions).rows(episode=5, state=7)
    assert np.array_equal(unknown.episode, rows.episode)
    assert np.array_equal(unknown.state, rows.state) and unknown.factors is None


@pytest.mark.parametrize("k_changed", [None, 2])
def test_what_cannot_change_alone_is_left_for_what_can(k_changed: int | None) -> None:
    env = gym.make("bvae_rl.envs:bvae_rl/MiniGrid-DoorKey-6x6-v0")
    found = pairs(env, 24, k_changed=k_changed, seed=0)
    counts = found.changed.sum(axis=1)
    assert (counts >= 1).all() and (k_changed is None or (counts == k_changed).all())
