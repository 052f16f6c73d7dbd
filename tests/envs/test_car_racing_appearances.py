"""CarRacing's domains, drawn by gymnasium's task and made of EnvPool's pictures."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest

from bvae_rl.data.envpool.environments import EnvPoolVecEnv
from bvae_rl.envs.appearance import LEAST
from bvae_rl.envs.car_racing.appearances import (
    CAR,
    KINDS,
    PARTS,
    SOURCE,
    CarAppearance,
    car_domain,
)
from bvae_rl.envs.car_racing.pool import CarRacingPool
from bvae_rl.envs.car_racing.recolour import Recolouring
from bvae_rl.envs.car_racing.world import CarRacing
from bvae_rl.envs.domains import DOMAINS
from tests.car_racing_cases import need

need("Box2D", "box2d")

DRAWS = 500
CAR_RACING = "bvae_rl.envs:bvae_rl/CarRacing-v0"


def drawn(name: str) -> list[CarAppearance]:
    domain, rng = car_domain(name), np.random.default_rng(0)
    return [domain.sample(rng) for _ in range(DRAWS)]


def striped(colours: np.ndarray) -> np.ndarray:
    """(96, 96, 3) of one colour a row, in turn."""
    rows = np.resize(np.asarray(colours, np.uint8), (96, 3))
    return np.repeat(rows[:, None], 96, axis=1)


def test_the_source_has_the_tasks_colours() -> None:
    from gymnasium.envs.box2d.car_racing import CarRacing as Task

    task = Task()
    own = (task.bg_color, task.grass_color, task.road_color)
    assert list(SOURCE.colours.values()) == [tuple(colour) for colour in own]
    assert set(drawn("source")) == {SOURCE}


def test_the_domains_are_disjoint_and_pretrain_covers_what_a_policy_may_see() -> None:
    values = {name: [a.factor for a in drawn(name)] for name in DOMAINS}
    for variation in KINDS["colours"]:
        name = variation.spec.name
        seen = {domain: {factor(name) for factor in values[domain]} for domain in DOMAINS}
        for first, second in combinations(("source", "ood1", "ood2"), 2):
            apart = min(abs(a - b) for a, b in product(seen[first], seen[second]))
            assert apart > 0.04 * (variation.spec.high - variation.spec.low)
        for domain in ("source", "ood1"):
            assert min(seen["pretrain"]) < min(seen[domain]) + 0.02 * variation.spec.high
            assert max(seen["pretrain"]) > max(seen[domain]) - 0.02 * variation.spec.high
        assert all(
            any(low <= value <= high for low, high in variation.pretrain)
            for value in seen["source"] | seen["ood1"]
        )
        assert not any(
            low <= value <= high for low, high in variation.pretrain for value in seen["ood2"]
        )


@pytest.mark.parametrize("name", DOMAINS)
def test_road_grass_and_car_can_be_told_apart_at_every_corner(name: str) -> None:
    """Making an appearance checks it: the corners of the ranges, and the greys in between."""
    ends = [[end for ends in v.ranges(name) for end in ends] for v in KINDS["colours"]]
    lightness = [v.spec.name for v in KINDS["colours"]].index("road_lightness")
    ends[lightness] = np.linspace(min(ends[lightness]), max(ends[lightness]), 9).tolist()
    for values in product(*ends):
        CarAppearance(*values)
    with pytest.raises(ValueError, match=rf"road .* and background .*: .*{LEAST:.0f} is the least"):
        CarAppearance(grass_brightness=0.1, road_lightness=0.07)


def test_the_world_shows_the_colours_of_its_appearance() -> None:
    """Pygame's own scaling takes up to 2 of 255 from each channel."""
    env, source = (
        CarRacing(domain="ood2", size=96, dashboard=True),
        CarRacing(size=96, dashboard=True),
    )
    frame, _ = env.reset(seed=1, options={"factors": {"road_position": 0.4}})
    plain, _ = source.reset(seed=1, options={"factors": {"road_position": 0.4}})
    for part, colour in env.appearance.colours.items():
        mask = regions(plain)[part]
        assert mask.sum() > 200
        assert frame[mask].mean(axis=0) == pytest.approx(colour, abs=3)
    assert np.array_equal(frame[84:], plain[84:])  # the dashboard
    car = (plain == (202, 0, 0)).all(axis=-1) | (plain == (0, 0, 0)).all(axis=-1)
    assert np.array_equal(frame[car], plain[car])


def regions(plain: np.ndarray, off: int = 2) -> dict[str, np.ndarray]:
    """Where a picture in the task's colours, less ``off``, shows exactly one of the parts."""
    masks = {
        part: (plain.astype(int) == np.subtract(colour, off)).all(axis=-1)
        for part, colour in SOURCE.colours.items()
    }
    for mask in masks.values():
        mask[84:] = False
    return masks


def test_appearances_draw_their_own_random_numbers() -> None:
    env = CarRacing(domain="ood1")
    shown = []
    for seed in (1, None, 1):
        env.reset(seed=seed)
        shown.append(env.appearance)
    assert shown[0] == shown[2] != shown[1]
    again = env.set_factors(env.factors())
    assert np.array_equal(again, env._frame()) and env.appearance == shown[2]


def test_randomized_colours_are_gymnasiums_own() -> None:
    domain, rng = car_domain("source", randomize=True), np.random.default_rng(0)
    colours = np.array([list(domain.sample(rng).colours.values()) for _ in range(DRAWS)])
    background, patches, road = colours.transpose(1, 0, 2)
    assert (np.sort(patches - background, axis=1) == (0, 0, 20)).all()
    for each in (background, road):
        assert each.min() <= 5 and 205 <= each.max() <= 210
    env = CarRacing(domain_randomize=True)
    _, info = env.reset(seed=0)
    track = list(env._sim.track)
    CarRacing().reset(seed=0)
    plain = CarRacing()
    plain.reset(seed=0)
    assert info["domain"] == "randomize" and plain._sim.track == track
    with pytest.raises(ValueError, match="and domain='ood1' in another; leave one of them out"):
        CarRacing(domain="ood1", domain_randomize=True)


@pytest.mark.parametrize("name", ["ood1", "ood2"])
def test_recolouring_is_exact_for_whole_pixels_and_even_for_blends(name: str) -> None:
    appearance = drawn(name)[3]
    old, new = ([one.colours[part] for part in PARTS] for one in (SOURCE, appearance))
    kept = [CAR, (255, 0, 0), (255, 255, 255), (0, 0, 0), (77, 77, 77)]
    plain = striped(np.array([*old, *kept]))
    recoloured = Recolouring(appearance)(plain)[..., :3]
    assert np.array_equal(recoloured[: len(old) + len(kept), 0], [*new, *kept])
    assert np.array_equal(recoloured[84:], plain[84:])
    edges = [(old[0], old[1], new[0], new[1]), (old[0], old[2], new[0], new[2])]
    edges += [(old[2], white, new[2], white) for white in (np.array([255] * 3), np.zeros(3))]
    edges += [(old[0], red, new[0], red) for red in (np.array([255, 0, 0]), np.array([204, 0, 0]))]
    for first, second, new_first, new_second in edges:
        for share in (0.25, 0.5, 0.75):
            blend = np.rint(share * np.array(first) + (1 - share) * np.array(second))
            expected = share * np.array(new_first) + (1 - share) * np.array(new_second)
            found = Recolouring(appearance)(striped(blend[None]))[0, 0, :3]
            assert found.astype(float) == pytest.approx(expected, abs=6)


def test_envpools_pictures_have_the_colours_of_the_world() -> None:
    """The tracks of a seed differ, so each part of the picture is compared by its mean colour."""
    need("envpool", "envpool")
    import envpool

    raw_envs = envpool.make("CarRacing-v3", env_type="gymnasium", num_envs=3, seed=1)
    pool = CarRacing.envpool([1, 2, 3], domain="ood2", size=96, dashboard=True)
    raw, _ = raw_envs.reset()
    frames = pool.frames(raw, np.ones(3, bool))
    shown = [recolouring.appearance for recolouring in pool._recolourings]
    assert len(set(shown)) == 3
    gas = pool.actions(np.tile(np.array([[0.0, 0.1]], np.float32), (3, 1)))
    for _ in range(60):
        raw, *_ = raw_envs.step(gas)
    frames = pool.frames(raw, np.zeros(3, bool))
    assert [recolouring.appearance for recolouring in pool._recolourings] == shown
    env = CarRacing(size=96, dashboard=True)
    for picture, frame, appearance in zip(raw, frames, shown, strict=True):
        options: dict[str, Any] = {"appearance": appearance, "factors": {"road_position": 0.0}}
        theirs, _ = env.reset(seed=0, options=options)
        plain, _ = env.reset(seed=0, options={"factors": {"road_position": 0.0}})
        for part in PARTS:
            mean = frame[regions(picture, off=0)[part]].mean(axis=0)
            assert mean == pytest.approx(appearance.colours[part], abs=0.01)
            assert mean == pytest.approx(theirs[regions(plain)[part]].mean(axis=0), abs=3)


def test_the_pool_is_the_world_as_an_agent_sees_it() -> None:
    env, pool = CarRacing(size=32), CarRacing.envpool([0, 1], size=32)
    assert pool.observation_space == env.observation_space
    assert pool.action_space == env.action_space and pool.env_id == "CarRacing-v3"
    assert pool.infos(1) == {"domain": "source"}
    raw = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), np.uint8)
    frames = pool.frames(raw, np.array([True, False]))
    assert frames.shape == (2, 32, 32, 3) and frames.dtype == np.uint8
    pedals = pool.actions(np.array([[-0.5, 0.7], [2.0, -0.4]], np.float32))
    assert pedals.tolist() == pytest.approx(np.array([[-0.5, 0.7, 0], [1, 0, 0.4]]), abs=1e-6)
    with pytest.raises(ValueError, match="write max_episode_steps=50 in place of max_steps"):
        CarRacing.envpool([0], max_steps=50)


def test_an_appearance_is_drawn_anew_where_an_episode_begins() -> None:
    def seen(seed: int) -> list[CarAppearance]:
        pool = CarRacingPool([seed, seed + 1], domain="pretrain")
        raw = np.zeros((2, 96, 96, 3), np.uint8)
        found = []
        for started in ([True, True], [False, False], [False, True]):
            pool.frames(raw, np.array(started))
            found += [recolouring.appearance for recolouring in pool._recolourings]
        return found

    first = seen(0)
    assert first[2:4] == first[:2] and first[4] == first[0] and first[5] != first[1]
    assert seen(0) == first != seen(1)


def test_colours_of_a_copy_follow_from_its_seed_alone() -> None:
    def second(*others: int) -> CarAppearance:
        """What copy 0, of seed 5, shows after a new start, when ``others`` began before it."""
        pool = CarRacingPool([5, 4, 6], domain="ood1")
        raw = np.zeros((3, 96, 96, 3), np.uint8)
        pool.frames(raw, np.ones(3, bool))
        for other in others:
            pool.frames(raw, np.arange(3) == other)
        pool.frames(raw, np.array([True, False, False]))
        return pool._recolourings[0].appearance

    assert second() == second(1) == second(2, 1, 2)
    need("envpool", "envpool")
    one = EnvPoolVecEnv(CAR_RACING, 1, seed=5, domain="ood1")
    many = EnvPoolVecEnv(CAR_RACING, 3, seed=4, domain="ood1")
    np.testing.assert_array_equal(one.reset()[0], many.reset()[1])
