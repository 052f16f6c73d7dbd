"""What every world with known factors promises, whatever its kind.

A further world is a further row of ``WORLDS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from bvae_rl.data.factors import FactorEnv, role_mask
from bvae_rl.data.probe_sets import on_policy_set, probe_set
from bvae_rl.envs.grid import world as minigrid
from bvae_rl.envs.grid.appearances import grid_domain
from bvae_rl.envs.highway.appearances import road_domain
from bvae_rl.envs.highway.highway import Highway
from bvae_rl.envs.mujoco.appearances import mujoco_domain
from bvae_rl.envs.mujoco.pusher import MujocoPusher
from bvae_rl.envs.mujoco.reacher import MujocoReacher
from bvae_rl.envs.mujoco.relocate import MujocoRelocate
from bvae_rl.envs.mujoco.world import MujocoWorld
from bvae_rl.envs.planar.push import PlanarPush
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.envs.planar.variations import planar_domain
from tests.domain_cases import holds
from tests.mujoco_cases import need_drawing


@dataclass(frozen=True)
class World:
    """How to make a world by the name of its visual domain, and what is asked of it."""

    make: Callable[[str], Any]
    shows: Callable[[Any, str], bool]  # whether the appearance on show belongs to a domain
    odd: dict[str, Any]  # a field of an appearance that none of the domains has
    part: str = "arm"  # one whose colour is a factor, where it is one
    other: str = "shape"  # a kind of change that leaves the odd field alone
    domains: tuple[str, ...] = ("source", "ood1", "ood2")  # disjoint
    seen: str = "pretrain"  # what encoders may see: no ood2
    one_stream: bool = False  # whether its colours and states share their random numbers
    step: float = 0.05  # the share of its range by which a factor has to move to be seen
    still: float | None = 0  # the action that does nothing, if there is one
    whole: bool = True  # whether the factors tell all that can be seen
    hidden: tuple[str, ...] = ()  # factors that something may cover


def planar(
    make: type[PlanarReach | PlanarPush], kinds: str, *, step: float, hidden: tuple[str, ...] = ()
) -> World:
    """A planar world that varies ``kinds`` of change."""
    return World(
        lambda domain: make(domain=domain, render_mode="rgb_array"),
        shows=lambda env, domain: holds(planar_domain(domain), env.appearance),
        odd={"brightness": 1.3},
        domains=(f"source{kinds}", f"ood1{kinds}", f"ood2{kinds}"),
        seen=f"pretrain{kinds}",
        step=step,
        hidden=hidden,
    )


def grid(kinds: str, **kwargs: Any) -> World:
    """A MiniGrid world, without walls that change, that varies ``kinds`` of change."""
    return World(
        lambda domain: minigrid.make(
            "MiniGrid-Empty-Random-6x6-v0",
            domain=domain,
            max_steps=40,
            render_mode="rgb_array",
            **kwargs,
        ),
        shows=lambda env, domain: holds(grid_domain(domain, env._tiles), env.appearance),
        odd={"floor": 0.8},
        part="wall",
        other="texture",
        domains=(f"source{kinds}", f"ood1{kinds}", f"ood2{kinds}"),
        seen=f"pretrain{kinds}",
        still=6,
    )


def mujoco(make: type[MujocoWorld], **kwargs: Any) -> World:
    """A MuJoCo world that varies every kind of change, in short episodes."""

    def world(domain: str) -> MujocoWorld:
        need_drawing()
        return make(domain=domain, max_steps=40, render_mode="rgb_array")

    return World(
        world,
        shows=lambda env, domain: holds(mujoco_domain(domain, make.parts), env.appearance),
        odd={"zoom": 1.5},
        other="light",
        domains=("source:all", "ood1:all", "ood2:all"),
        seen="pretrain:all",
        still=None,
        **kwargs,
    )


def highway() -> World:
    """The smallest highway: two lanes, two other vehicles for each, few steps and pixels."""
    small = {"screen_width": 300, "screen_height": 75, "scaling": 2.75}
    few = {"lanes_count": 2, "vehicles_count": 4, "duration": 20, "simulation_frequency": 2}

    def world(domain: str) -> Highway:
        pytest.importorskip("highway_env")
        return Highway(domain=domain, config={**small, **few}, render_mode="rgb_array")

    return World(
        world,
        shows=lambda env, domain: holds(road_domain(domain), env.appearance),
        odd={"zoom": 1.5},
        part="own",
        other="colours",
        step=0.1,
        still=None,
        whole=False,
    )


BEHIND = ("distractors", "distractor_phase")
PUSHED = ("disc_x", "disc_y", "goal_x", "goal_y")  # the arm may hide the disc, the disc the goal
HUES = ":hue+shape+texture+distractors+camera+light+noise"
WORLDS = {
    "reach": replace(planar(PlanarReach, "", step=0.05), one_stream=True),
    "reach-all": planar(PlanarReach, ":all", step=0.05, hidden=BEHIND),
    "push": planar(PlanarPush, "", step=0.1, hidden=PUSHED),
    "push-hues": planar(PlanarPush, HUES, step=0.1, hidden=(*PUSHED, *BEHIND)),
    "minigrid": grid(""),
    "minigrid-all": grid(":all", thing_colours=True),
    "mujoco-reacher": mujoco(MujocoReacher),
    "mujoco-pusher": mujoco(MujocoPusher, step=0.1, hidden=("object_x", "object_y")),
    "mujoco-relocate": mujoco(MujocoRelocate, step=0.1, whole=False),
    "highway": highway(),
}

every_world = pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())
property_test = settings(max_examples=25, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 2**32 - 1)


def made(world: World, domain: str | None = None) -> Any:
    env = world.make(domain or world.seen)
    env.reset(seed=0)
    return env


def drawn(env: Any, seed: int) -> np.ndarray:
    return env.sample_factors(np.random.default_rng(seed))


def wander(env: Any, seed: int, steps: int = 5) -> list[tuple[float, bool, bool, np.ndarray]]:
    """Random actions; reward, end and state factors of each step."""
    env.action_space.seed(seed)
    is_state = role_mask(env.factor_specs, "state")
    walked = []
    for _ in range(steps):
        _, reward, terminated, truncated, info = env.step(env.action_space.sample())
        walked.append((reward, terminated, truncated, info["factors"][is_state].tolist()))
    return walked


@pytest.mark.filterwarnings("ignore:.*recommend.* symmetric and normalized")
@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version:UserWarning")
@every_world
def test_both_checkers_pass(world: World) -> None:
    for domain in {world.domains[0], world.domains[2], world.seen}:
        env = world.make(domain)
        assert isinstance(env, FactorEnv)
        check_env(env, skip_render_check=True)
        sb3_check_env(env)


@every_world
@property_test
@given(seed=seeds, walk=seeds)
def test_setting_then_reading_factors_returns_them(world: World, seed: int, walk: int) -> None:
    env = made(world)
    wander(env, walk)
    wanted = drawn(env, seed)
    env.set_factors(wanted)
    assert np.allclose(env.factors(), wanted, rtol=0, atol=1e-6)
    assert all(spec.contains(v) for spec, v in zip(env.factor_specs, wanted, strict=True))


@every_world
@property_test
@given(seed=seeds, walk=seeds)
def test_the_same_factors_give_the_same_frame(world: World, seed: int, walk: int) -> None:
    fresh, used = made(world), made(world)
    wander(used, walk)
    wanted = drawn(fresh, seed)
    frame = fresh.set_factors(wanted)
    assert np.array_equal(used.set_factors(drawn(used, seed)), frame)
    wander(used, walk)
    assert np.array_equal(used.set_factors(wanted), frame)
    assert np.array_equal(used.render(), frame)


@every_world
@property_test
@given(data=st.data(), seed=seeds, walk=seeds)
def test_an_appearance_never_changes_rewards_or_dynamics(
    world: World, data: st.DataObject, seed: int, walk: int
) -> None:
    domain = st.sampled_from([*world.domains, world.seen])
    plain = made(world, world.domains[0])
    is_appearance = role_mask(plain.factor_specs, "appearance")
    state = drawn(plain, seed)
    started, walked = [], []
    for env in (plain, made(world, data.draw(domain))):
        _, info = env.reset(seed=seed)
        infos = [info] if world.one_stream else [info, env.reset()[1]]
        started.append([info["factors"][~is_appearance].tolist() for info in infos])
        env.set_factors(np.where(is_appearance, drawn(env, data.draw(seeds)), state))
        walked.append(wander(env, walk))
    assert started[0] == started[1]
    assert walked[0] == walked[1]


@every_world
@property_test
@given(data=st.data(), seed=seeds)
def test_one_factor_moved_by_its_step_is_seen(world: World, data: st.DataObject, seed: int) -> None:
    env = made(world)
    first = drawn(env, seed)
    k = data.draw(st.integers(0, len(first) - 1))
    spec, second = env.factor_specs[k], first.copy()
    if spec.kind == "categorical":
        second[k] = data.draw(st.sampled_from([v for v in spec.values if v != first[k]]))
    else:
        step = world.step * (spec.high - spec.low)
        second[k] += step if first[k] + step <= spec.high else -step
    assume(spec.name not in world.hidden)
    frame = env.set_factors(first)
    try:
        moved = env.set_factors(second)
    except ValueError:  # a state that cannot be
        assume(False)
    assert not np.array_equal(frame, moved), spec.name


@every_world
@property_test
@given(seed=seeds)
def test_domains_are_disjoint(world: World, seed: int) -> None:
    for domain in world.domains:
        env = world.make(domain)
        rng = np.random.default_rng(seed)
        for _ in range(4):
            env.set_factors(env.sample_factors(rng))
            assert [name for name in world.domains if world.shows(env, name)] == [domain]
        env.reset(seed=seed)
        assert [name for name in world.domains if world.shows(env, name)] == [domain]
    env = made(world)
    for _ in range(4):
        env.set_factors(env.sample_factors(rng))
        assert world.shows(env, world.seen) and not world.shows(env, world.domains[2])


@every_world
@property_test
@given(seed=seeds)
def test_one_seed_one_episode(world: World, seed: int) -> None:
    def episode() -> list[Any]:
        env = world.make(world.seen)
        frame, info = env.reset(seed=seed)
        return [
            frame.tobytes(),
            info["factors"].tolist(),
            wander(env, seed),
            env.render().tobytes(),
        ]

    first = episode()
    assert episode() == first
    assert world.make(world.seen).reset(seed=seed + 1)[0].tobytes() != first[0]


@every_world
@property_test
@given(data=st.data(), seed=seeds)
def test_refused_factors_leave_the_state_alone(
    world: World, data: st.DataObject, seed: int
) -> None:
    env = made(world)
    env.set_factors(drawn(env, seed))
    factors, frame = env.factors(), env.render()
    k = data.draw(st.integers(0, len(factors) - 1))
    spec = env.factor_specs[k]
    low, high = (min(spec.values), max(spec.values)) if spec.values else (spec.low, spec.high)
    bad = factors.copy()
    bad[k] = data.draw(st.sampled_from([low - 0.01, high + 0.01, np.nan, np.inf]))
    with pytest.raises(ValueError, match=f"{spec.name!r} = .* is outside its range"):
        env.set_factors(bad)
    size = data.draw(st.sampled_from([0, len(factors) - 1, len(factors) + 1]))
    with pytest.raises(ValueError, match=f"expected {len(factors)} factors"):
        env.set_factors(np.resize(factors, size))
    assert np.array_equal(env.factors(), factors) and np.array_equal(env.render(), frame)


@every_world
def test_an_unknown_domain_lists_the_known(world: World) -> None:
    for name in ("dark", "ood1:dark", "dark:all"):
        with pytest.raises(ValueError, match=r"unknown .*'.*dark.*'; known: source, ood1, ood2"):
            world.make(name)
    for no_name in (None, 3, ["ood1"]):
        with pytest.raises(TypeError, match="domain is the name of a visual domain"):
            world.make(no_name)  # type: ignore[arg-type]


@every_world
def test_on_policy_frames_show_their_factors(world: World) -> None:
    domain = world.domains[0]
    played = on_policy_set(world.make(domain), None, 70, seed=0)
    env = made(world, domain)
    for row in range(0, 70, 7) if world.whole else ():
        assert np.array_equal(env.set_factors(played.factors[row]), played.frames[row])
    assert len(played) == 70 and played.episode[0] == 0 and played.episode[-1] > 0
    again, other = (on_policy_set(world.make(domain), None, 70, seed=seed) for seed in (0, 1))
    assert np.array_equal(played.frames, again.frames)
    assert not np.array_equal(played.factors, other.factors)


@every_world
def test_a_policy_sees_what_it_chooses(world: World) -> None:
    seen: list[np.ndarray] = []

    def still(observations: np.ndarray) -> np.ndarray:
        seen.append(observations[0])
        return np.full((1, *env.action_space.shape), world.still or 0, env.action_space.dtype)

    env = world.make(world.seen)
    played = on_policy_set(env, still, 60, seed=0)
    assert np.array_equal(played.frames[0], seen[0])
    is_state = role_mask(env.factor_specs, "state")  # an appearance may move by itself
    states = played.factors[:, is_state]
    one, other = (states[played.episode == number] for number in (0, 1))
    assert world.still is None or np.allclose(one, one[0])
    assert not np.allclose(one[0], other[0])


@every_world
def test_sets_of_no_frames_are_refused(world: World) -> None:
    env = world.make(world.seen)
    for make in (lambda: probe_set(env, 0, seed=0), lambda: on_policy_set(env, None, 0, seed=0)):
        with pytest.raises(ValueError, match="at least 1, got 0"):
            make()


@every_world
@property_test
@given(seed=seeds, walk=seeds)
def test_reset_goes_to_the_factors_that_it_is_given(world: World, seed: int, walk: int) -> None:
    env = made(world)
    _, plain = env.reset(seed=walk)
    state = role_mask(env.factor_specs, "state")
    appearance = {
        spec.name: float(value)
        for spec, value in zip(env.factor_specs, drawn(env, seed), strict=True)
        if spec.role == "appearance"
    }
    frame, info = env.reset(seed=walk, options={"factors": appearance})
    assert np.allclose(info["factors"][~state], list(appearance.values()), rtol=0, atol=1e-6)
    assert np.allclose(info["factors"][state], plain["factors"][state], rtol=0, atol=1e-6)
    assert np.array_equal(frame, env.render())
    shown = env.appearance
    env.reset(seed=walk, options={"appearance": shown})
    assert env.appearance == shown


@every_world
@property_test
@given(seed=seeds)
def test_sampling_factors_changes_nothing_that_is_shown(world: World, seed: int) -> None:
    for domain in (*world.domains, world.seen):
        env = made(world, domain)
        before = (env.appearance, env.factors().tolist(), env.render().tobytes())
        drawn(env, seed)
        assert (env.appearance, env.factors().tolist(), env.render().tobytes()) == before


@every_world
def test_what_is_no_factor_is_kept_of_a_given_appearance(world: World) -> None:
    env = world.make(f"source:{world.other}")
    env.reset(seed=0)
    odd = replace(env.appearance, **world.odd)
    for factors in ({}, {env.factor_specs[0].name: env.factors()[0]}):
        env.reset(seed=0, options={"appearance": odd, "factors": factors})
        assert env.appearance == odd
    env.set_factors(drawn(env, 0))
    assert env.appearance == odd


@every_world
def test_factors_that_contradict_the_given_appearance_are_refused(world: World) -> None:
    env = world.make("source")
    env.reset(seed=0)
    shown, colour = env.appearance, f"{world.part}_colour"
    options = {"appearance": shown, "factors": {colour: shown.factor(colour)}}
    env.reset(options=options)
    with pytest.raises(ValueError, match=r"options\['factors'\] asks for .* for .*Appearance\("):
        env.reset(options={**options, "factors": {colour: 0.6}})


@every_world
def test_reset_options_that_mean_nothing_are_refused(world: World) -> None:
    env = made(world)
    before = env.factors()
    name = env.factor_specs[0].name
    for options, message in (
        ({"domain": "ood2"}, "unknown reset option 'domain'; known: factors"),
        ({"factors": {"nope": 1.0}}, f"unknown factor 'nope'; known: {name}"),
        ({"factors": {name: np.nan}}, f"factor '{name}' = nan is outside its range"),
        ({"factors": [1.0]}, "expected .* factors"),
    ):
        with pytest.raises(ValueError, match=message):
            env.reset(options=options)
    with pytest.raises(
        TypeError, match=r"options\['appearance'\] must be a \w+Appearance, got str"
    ):
        env.reset(options={"appearance": "ood2"})
    assert np.array_equal(env.factors(), before)
