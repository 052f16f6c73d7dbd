"""CarRacing's factors are where gymnasium's simulation has the car, and cars go where they say."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np
import pytest

from bvae_rl.data.factors import dependent_factors
from bvae_rl.data.probe_sets import PER_EPISODE, fixed_factor_groups, probe_set
from bvae_rl.envs.car_racing.pose import AHEAD, DRAWN, FREE
from bvae_rl.envs.car_racing.road import Road
from bvae_rl.envs.car_racing.world import CarRacing
from tests.car_racing_cases import need

need("Box2D", "box2d")

NAMES = [spec.name for spec in CarRacing.state_specs]


@pytest.fixture
def env() -> CarRacing:
    env = CarRacing()
    env.reset(seed=0)
    return env


def named(env: CarRacing) -> dict[str, float]:
    return dict(zip(NAMES, state_of(env).tolist(), strict=True))


def state_of(env: CarRacing) -> np.ndarray:
    """The factors of the state alone."""
    return env.factors()[: len(NAMES)]


def with_values(env: CarRacing, **values: float) -> np.ndarray:
    """All factors of a car at rest on the centre line, with some replaced, and the curvatures there
    unless these are among them.
    """
    along = values["road_position"] * env.road.length
    ahead = {f"curvature_{m}": env.road.curvature(along + m) for m in AHEAD}
    state = {**dict.fromkeys(NAMES, 0.0), **ahead, **values}
    return np.array([*state.values(), *env.factors()[len(NAMES) :]])


def circle(radius: float, tiles: int = 200) -> Road:
    """A road that turns left all the way, from (radius, 0) upwards."""
    turns = np.arange(tiles) * 2 * pi / tiles
    return Road([(beta, beta, radius * cos(beta), radius * sin(beta)) for beta in turns])


def test_a_circle_is_read_as_one() -> None:
    road = circle(40.0)
    assert road.length == pytest.approx(2 * pi * 40, rel=1e-3)
    found = road.find((0.0, 43.0))  # three metres outside, a quarter of a lap on
    assert found.offset == pytest.approx(-3, abs=0.01)
    assert found.along / road.length == pytest.approx(0.25, abs=1e-4)
    assert found.direction == pytest.approx(pi / 2, abs=1e-3)
    for along in (0.0, 100.0, road.length - 1):
        assert road.curvature(along) == pytest.approx(1 / 40, rel=1e-3)
        assert road.find(road.place(along, 5.0).tolist()).along == pytest.approx(along, abs=1e-3)


@pytest.mark.parametrize("tile", [40, 120, 250])
def test_a_car_at_a_tile_is_read_at_its_offset_and_angle(env: CarRacing, tile: int) -> None:
    _, beta, x, y = env._sim.track[tile]
    hull = env._sim.car.hull
    left = np.array([-cos(beta), -sin(beta)])
    hull.transform = (np.array([x, y]) + 2.5 * left).tolist(), beta - 0.3
    hull.linearVelocity = (-sin(beta - 0.3) * 20 - 3 * cos(beta - 0.3),
                           cos(beta - 0.3) * 20 - 3 * sin(beta - 0.3))  # fmt: skip
    read = named(env)
    assert read["offset"] == pytest.approx(2.5, abs=1e-3)
    assert read["angle"] == pytest.approx(-0.3, abs=1e-3)
    assert (read["speed"], read["slip"]) == pytest.approx((20, 3), abs=1e-3)
    steps = np.linalg.norm(np.diff([tile[2:] for tile in env._sim.track], axis=0), axis=1)
    along = read["road_position"] * env.road.length
    assert along == pytest.approx(steps[:tile].sum(), abs=1e-2)
    for metres in AHEAD:  # by the directions of the tiles before and behind
        nearest = tile + round(metres / 3.5)
        seen = [env._sim.track[nearest + k][1] for k in (-2, -1, 0, 1, 2)]
        turns = np.diff(np.unwrap(seen)) / 3.5
        assert turns.min() - 0.01 <= read[f"curvature_{metres}"] <= turns.max() + 0.01


def test_factors_follow_the_motion(env: CarRacing) -> None:
    """Finite differences of a drive on a straight stretch."""
    length = env.road.length
    straight = next(
        along
        for along in np.arange(10, length, 5.0)
        if all(abs(env.road.curvature(along + ahead)) < 1e-3 for ahead in range(0, 25, 3))
    )
    env.set_factors(with_values(env, road_position=straight / length, speed=20.0))
    before, dt = state_of(env), 1 / 50
    for _ in range(25):
        env.step(np.array([-0.3, 0.1], np.float32))  # to the left
        now = state_of(env)
        _, _, angle, speed, slip, steering, *_ = now  # Box2D moves by the new velocity
        forwards, sideways, turned, *_ = (now - before) / dt
        hull = env._sim.car.hull  # its place is not that of its mass, whose velocity is read
        slip -= hull.angularVelocity * hull.localCenter[1]
        assert sideways == pytest.approx(speed * sin(angle) + slip * cos(angle), abs=0.2)
        assert forwards * length == pytest.approx(speed * cos(angle) - slip * sin(angle), abs=0.2)
        assert turned == pytest.approx(hull.angularVelocity, abs=0.05)
        before = now
    assert steering > 0.05 and now[2] > 0.02 and now[1] > 0.02


def test_what_is_set_is_read(env: CarRacing) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        wanted = env.sample_factors(rng)
        frame = env.set_factors(wanted)
        assert env.observation_space.contains(frame)
        assert env.factors() == pytest.approx(wanted, abs=2e-5)
        for value, (low, high) in zip(wanted[:FREE], DRAWN.values(), strict=True):
            assert low <= value <= high


def test_a_state_that_was_set_is_a_start(env: CarRacing) -> None:
    """No zoom, no tile visited but those under the wheels, the same picture whatever was before."""
    wanted = with_values(env, road_position=0.2, offset=-2.0, angle=0.2, speed=10.0, steering=0.2)
    first = env.set_factors(wanted)
    for _ in range(30):
        env.step(np.array([0.0, 1.0], np.float32))
    assert np.array_equal(env.set_factors(wanted), first)
    task = env._sim
    under = {tile.idx for wheel in task.car.wheels for tile in wheel.tiles}
    assert {tile.idx for tile in task.road if tile.road_visited} == under and task.t >= 1.0
    assert task.tile_visited_count == len(under) in (1, 2, 3)
    _, reward, *_ = env.step(np.zeros(2, np.float32))
    there = 1000 / len(task.track)
    assert (reward + 0.1) / there == pytest.approx(round((reward + 0.1) / there), abs=1e-6)
    assert reward >= len(under) * there - 0.11  # as at the start of any episode


def test_reset_begins_where_it_is_told_in_the_same_track(env: CarRacing) -> None:
    frame, info = env.reset(seed=0, options={"factors": {"road_position": 0.3, "offset": -1.5}})
    track = list(env._sim.track)
    read = named(env)
    assert (read["road_position"], read["offset"]) == pytest.approx((0.3, -1.5), abs=1e-4)
    assert read["curvature_15"] == env.road.curvature(info["factors"][0] * env.road.length + 15)
    env.reset(seed=0)
    assert env._sim.track == track
    assert np.array_equal(env.set_factors(info["factors"]), frame)


def test_what_cannot_be_is_refused_and_changes_nothing(env: CarRacing) -> None:
    before, state = env._frame(), env.factors()
    with pytest.raises(ValueError, match=r"curvature_15 is .*, not 0.09; curvatures follow"):
        env.set_factors(with_values(env, road_position=0.5, curvature_15=0.09))
    with pytest.raises(ValueError, match="another stretch of the road is nearer"):
        for position in np.linspace(0, 0.99, 100):
            env.set_factors(with_values(env, road_position=position, offset=28.0))
    env.reset(seed=0)
    assert np.array_equal(env._frame(), before) and np.array_equal(env.factors(), state)


def test_a_probe_set_is_of_many_tracks_and_holds_no_curvature() -> None:
    env = CarRacing(size=16)
    assert dependent_factors(env) == CarRacing.dependent_factors == tuple(NAMES[FREE:])
    tracks = set()
    reset = env.reset

    def watched(**kwargs: object) -> object:
        result = reset(**kwargs)  # type: ignore[arg-type]
        tracks.add(tuple(env._sim.track))
        return result

    env.reset = watched  # type: ignore[method-assign, assignment]
    frames = probe_set(env, 3 * PER_EPISODE, seed=0)
    assert len(tracks) == 3 and np.ptp(frames.factors[:, : len(NAMES)], axis=0).min() > 0
    again = probe_set(CarRacing(size=16), 3 * PER_EPISODE, seed=0)
    assert np.array_equal(frames.frames, again.frames)
    groups = fixed_factor_groups(env, 12, 2, seed=0)
    assert set(groups.fixed) <= set(range(FREE))
