"""What every world with known factors promises, whatever its kind.

The worlds stand in ``world_cases``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import assume, given
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from bvae_rl.data.factors import FactorEnv, role_mask
from bvae_rl.data.probe_sets import on_policy_set, probe_set
from tests.world_cases import World, drawn, every_world, made, property_test, seeds


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
@given(seed=seeds)
def test_sampling_factors_changes_nothing_that_is_shown(world: World, seed: int) -> None:
    for domain in (*world.domains, world.seen):
        env = made(world, domain)
        before = (env.appearance, env.factors().tolist(), env.render().tobytes())
        drawn(env, seed)
        assert (env.appearance, env.factors().tolist(), env.render().tobytes()) == before
