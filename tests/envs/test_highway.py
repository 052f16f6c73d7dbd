"""The highway: highway-env's pictures, rewards and ends; factors read, set, read back."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import bvae_rl.envs
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.envs.highway.appearances import RAMPS, RoadAppearance

pytest.importorskip("highway_env", reason="needs the extra highway")
from bvae_rl.envs.highway.highway import MARKINGS, Highway
from bvae_rl.envs.highway.intersection import Intersection

assert bvae_rl.envs
LIBRARY = {"Highway": "highway-fast-v0", "Intersection": "intersection-v0"}
SMALL = {"lanes_count": 2, "vehicles_count": 4}
PER_METRE = 5.5  # pixels, in highway-env's own picture


def behaviour() -> Any:
    """The module of highway-env's other drivers."""
    return import_module("highway_env.vehicle.behavior")


@pytest.fixture(autouse=True)
def drivers_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """highway-env's intersection writes into this class; and it is black with SDL's dummy."""
    driver = behaviour().IDMVehicle
    for name in ("DISTANCE_WANTED", "COMFORT_ACC_MAX", "COMFORT_ACC_MIN"):
        monkeypatch.setattr(driver, name, getattr(driver, name))
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)


@pytest.fixture
def small() -> Highway:
    """Two lanes, two other vehicles for each, with speeds; after a reset."""
    env = Highway(config=SMALL, speeds=True)
    env.reset(seed=0)
    return env


def given(env: Highway, **values: float) -> np.ndarray:
    """All factors: an empty road around the own vehicle, but for ``values``."""
    empty = {spec.name: spec.high for spec in env.factor_specs} | {"lateral": 0.0, "heading": 0.0}
    empty |= {name: 0.0 for name in empty if name.endswith(("_speed", "_colour"))}
    return np.array([*(empty | {"marking_phase": 1.0, "speed": 25.0} | values).values()])


@pytest.mark.filterwarnings("ignore:.*intersection-v0 is out of date:DeprecationWarning")
@pytest.mark.parametrize("domain", ["source", "ood2:all"])
@pytest.mark.parametrize("name", LIBRARY)
def test_rewards_ends_and_source_pictures_are_those_of_highway_env(name: str, domain: str) -> None:
    ours: Any = gym.make(f"bvae_rl/{name}-v0", domain=domain)
    theirs = gym.make(f"highway_env:{LIBRARY[name]}", render_mode="rgb_array")
    ours.action_space.seed(3)
    ours.reset(seed=5)
    theirs.reset(seed=5)
    for step in range(20):
        assert np.array_equal(ours.unwrapped.picture(), theirs.render()) == (domain == "source")
        action = ours.action_space.sample()
        _, *outcome, info = ours.step(action)
        _, *expected, known = theirs.step(action)
        assert outcome == expected
        assert info["rewards"] == known["rewards"] and info["speed"] == known["speed"]
        if outcome[1] or outcome[2] or (step > 3 and domain != "source"):
            break
    assert outcome[1] or outcome[2] or domain != "source"
    theirs.close()  # which quits pygame
    assert ours.reset(seed=0)[0].std() > 5


def test_source_frames_are_those_that_pixels_gives_of_the_librarys_own_id() -> None:
    plain = EnvConfig("highway_env:highway-fast-v0", pixels=True, size=(64, 64)).make()
    ours = EnvConfig("bvae_rl/Highway-v0").make()
    for env in (plain, ours):
        env.reset(seed=1)
    assert np.array_equal(plain.step(0)[0], ours.step(0)[0])


def test_the_slow_task_is_highway_v0() -> None:
    ours, theirs = Highway(fast=False), gym.make("highway_env:highway-v0").unwrapped
    ours.reset(seed=1)
    theirs.reset(seed=1)
    assert ours.config["lanes_count"] == 4 and len(ours.factor_specs) == 3 + 8 + 4
    assert ours.step(3)[1:4] == theirs.step(3)[1:4]


def test_appearances_stay_in_their_environment() -> None:
    other, plain = Highway(domain="ood2", config=SMALL), Highway(config=SMALL)
    theirs = gym.make("highway_env:highway-fast-v0", render_mode="rgb_array", config=SMALL)
    for env in (other, plain, theirs):
        env.reset(seed=2)
    before = other.picture()
    assert np.array_equal(plain.picture(), theirs.render())
    assert np.array_equal(other.picture(), before)


def test_colours_are_exactly_those_of_the_appearance(small: Highway) -> None:
    small.reset(options={"appearance": RoadAppearance(ground=0.3, lines=0.5, own=0.9, others=0.6)})
    small.set_factors(given(small, ahead_1=20.0, behind_2=10.0)[: len(small.factor_specs)])
    small.reset(options={"appearance": RoadAppearance(ground=0.3, lines=0.5, own=0.9, others=0.6)})
    shown = {tuple(rgb) for rgb in small.picture().reshape(-1, 3).tolist()}
    parts = {small.appearance.colour(part) for part in RAMPS}
    assert parts <= shown
    lighter = {tuple(min(int(c / 0.68), 255) for c in rgb) for rgb in parts}
    assert shown <= parts | lighter | {(60, 60, 60)}


def test_factors_are_where_vehicles_stand_and_where_they_are_drawn(small: Highway) -> None:
    wanted = given(small, lateral=1.0, ahead_1=30.0, behind_2=12.0, ahead_2=0.0, marking_phase=2.0)
    wanted = np.where([s.role == "appearance" for s in small.factor_specs], 0.0, wanted)
    small.set_factors(wanted)
    own, *others = sorted(small._sim.road.vehicles, key=lambda v: v is not small._sim.vehicle)
    gaps = sorted((v.position - own.position).round(6).tolist() for v in others)
    assert gaps[:3] == [[-12.0, 3.0], [0.0, 3.0], [30.0, -1.0]] and gaps[3][0] > 150
    assert own.position[0] % MARKINGS == pytest.approx(2.0)
    picture = small.picture()
    blue = np.argwhere((picture == (100, 200, 255)).all(axis=2))
    ahead = blue[blue[:, 0] < 75]  # above the own vehicle, which is at 180, 75
    assert ahead.mean(axis=0) == pytest.approx([75 - PER_METRE, 180 + 30 * PER_METRE], abs=4)
    stripes = (picture == 255).all(axis=2).any(axis=0)
    small.set_factors(np.where(np.arange(len(wanted)) == 2, 2.0 + 10 / PER_METRE, wanted))
    moved = (small.picture() == 255).all(axis=2).any(axis=0)
    assert stripes.any() and np.array_equal(small.factors()[3:], wanted[3:]) and moved.any()


def test_a_speed_that_is_set_is_kept(small: Highway) -> None:
    for speed in (20.0, 30.0):
        small.set_factors(given(small, speed=speed))
        for _ in range(3):
            small.step(1)  # idle
        assert abs(small._sim.vehicle.speed - speed) < 0.5


def test_speeds_are_set_and_read_and_not_seen(small: Highway) -> None:
    slow = given(small, ahead_1=30.0, ahead_1_speed=-5.0, speed=22.0)
    fast = given(small, ahead_1=30.0, ahead_1_speed=5.0, speed=28.0)
    slow[-4:] = fast[-4:] = 0.0
    frames = [small.set_factors(factors) for factors in (slow, fast)]
    assert np.array_equal(*frames)
    assert np.allclose(small.factors(), fast, rtol=0, atol=1e-9)
    assert small._sim.vehicle.speed == 28.0
    small.step(1)
    assert small.factors()[3] > 30 + 1  # the faster one went away


def test_draws_cover_the_ranges_and_leave_slots_empty(small: Highway) -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([small.sample_factors(rng) for _ in range(300)])
    for k, spec in enumerate(small.factor_specs[:7]):
        assert all(spec.contains(value) for value in drawn[:, k])
        if spec.name.startswith(("ahead", "behind")):
            assert 0.15 < np.mean(drawn[:, k] == spec.high) < 0.35
            assert np.ptp(drawn[drawn[:, k] < spec.high, k]) > 0.8 * spec.high


def test_what_cannot_be_is_refused(small: Highway) -> None:
    small.set_factors(given(small, ahead_1=30.0)[: len(small.factor_specs)])
    before = small.factors()
    for bad, message in (
        ({"ahead_1": 4.9}, "the own vehicle and the one of ahead_1 would be inside each other"),
        ({"lateral": 2.0, "behind_2": 3.0}, "the own vehicle and the one of behind_2 would be"),
        ({"ahead_2": 2.0, "behind_2": 2.9}, "the one of ahead_2 and the one of behind_2 would be"),
        ({"ahead_2_speed": 3.0}, "ahead_2_speed is 3 and ahead_2 is at its end: nothing is there"),
    ):
        with pytest.raises(ValueError, match=message):
            small.set_factors(given(small, **bad))
    assert np.array_equal(small.factors(), before)
    assert small.set_factors(given(small, ahead_1=5.1)) is not None


def test_a_crash_is_mended_by_setting_factors(small: Highway) -> None:
    small.set_factors(given(small, ahead_1=6.0, ahead_1_speed=-20.0, speed=30.0))
    assert small.step(1)[2] and small._sim.vehicle.crashed
    small.set_factors(given(small, ahead_1=60.0))
    assert not any(vehicle.crashed for vehicle in small._sim.road.vehicles)
    assert not small.step(1)[2]


def test_success_is_the_end_of_the_time() -> None:
    env = Highway(config={**SMALL, "duration": 3})
    env.reset(seed=0)
    env.set_factors(given(env)[: len(env.factor_specs)])
    ends = [env.step(1)[2:] for _ in range(3)]
    assert [(terminated, truncated) for terminated, truncated, _ in ends] == [
        (False, False), (False, False), (False, True),
    ]  # fmt: skip
    assert [info["is_success"] for *_, info in ends] == [False, False, True]


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"config": "fast"}, TypeError, "config is a dict of highway-env's settings"),
        ({"config": {"lanes_count": 1}}, ValueError, "needs two lanes at least"),
        ({"config": {"vehicles_count": 5}}, ValueError, "lanes_count=3 and vehicles_count=5; for"),
        ({"size": 8}, ValueError, r"size must be a whole number of pixels, 16 or more, got 8"),
        ({"size": (48, 80)}, ValueError, r"size must be a whole number .* got \(48, 80\)"),
        ({"render_mode": "human"}, ValueError, "unknown render_mode 'human'"),
    ],
)
def test_bad_arguments_say_what_to_write(
    kwargs: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Highway(**kwargs)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("highway_env")]:
        monkeypatch.setitem(sys.modules, module, None)
    for make in (Highway, Intersection):
        with pytest.raises(ImportError, match=r'pip install "bvae-rl\[highway\]"'):
            make()


def test_an_intersection_is_read_and_not_set() -> None:
    before = dict(vars(behaviour().IDMVehicle))
    env = Intersection(domain="ood1", speeds=True)
    env.reset(seed=1)
    assert dict(vars(behaviour().IDMVehicle)) == before and settable_env(env) is None
    for _ in range(4):
        info = env.step(1)[4]
    names, own = [spec.name for spec in env.factor_specs], env._sim.vehicle
    named = dict(zip(names, info["factors"], strict=True))
    assert (named["x"], named["y"]) == tuple(own.position) and named["speed"] == own.speed
    apart = sorted(
        (v.position - own.position for v in env._sim.road.vehicles if v is not own),
        key=np.linalg.norm,
    )
    near = [(named[f"near_{n}_x"], named[f"near_{n}_y"]) for n in (1, 2, 3)]
    present = [named[f"near_{n}_present"] for n in (1, 2, 3)]
    assert present[:2] == [1, 1] and near[:2] == [tuple(away) for away in apart[:2]]
    assert present[2] or near[2] == (0, 0)
    for act in (lambda: env.set_factors(info["factors"]), lambda: env.sample_factors(None)):
        with pytest.raises(ValueError, match="read on-policy"):
            act()
    with pytest.raises(ValueError, match=r"leave x out of options\['factors'\]"):
        env.reset(options={"factors": {"x": 2.0}})
    _, info = env.reset(options={"factors": {"own_colour": 0.25}})
    assert info["factors"][-2] == env.appearance.own == 0.25
