"""Anybody's environment with known factors, and what the pipeline makes of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import FlattenObservation, FrameStackObservation, TimeLimit
from stable_baselines3.common.env_checker import check_env

from bvae_rl.agents.true_state import state_view
from bvae_rl.data.collecting.collect import collect, collect_independent
from bvae_rl.data.environments import make_vec
from bvae_rl.data.factor_wrapper import FactorWrapper, settable_env
from bvae_rl.data.factors import FactorEnv, factor_env
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.probe_sets import on_policy_set, probe_set
from bvae_rl.metrics import score
from bvae_rl.sb3 import Probe
from tests.block_cases import SPECS, Block, put, read, tone, with_factors

DOMAINS = {
    "dark": partial(tone, 0.0, 0.2),
    "bright": partial(tone, 0.8, 1.0),
    "plain": lambda rng: {"tone": 0.5},
}


def test_the_checker_finds_nothing_wrong() -> None:
    check_env(with_factors(domains=DOMAINS))


def test_factors_stand_in_info_beside_what_was_there() -> None:
    env = with_factors()
    _, info = env.reset(seed=0)
    block = env.unwrapped
    assert info["factors"].tolist() == [block.x, block.phase, 4, 0.5] and info["own"] == 1
    *_, later = env.step(np.array([0.5, 0.5]))
    assert later["factors"].tolist() == [block.x, block.phase, 4, 0.5] and later["own"] == 1
    assert info["factors"][0] != later["factors"][0]  # what was handed out stays as it was
    assert "domain" not in info


def test_the_wrapper_is_found_where_the_frames_are_its_own() -> None:
    env = with_factors()
    assert isinstance(env, FactorEnv)
    assert factor_env(TimeLimit(env, 5)) is env
    seen = factor_env(FlattenObservation(TimeLimit(env, 5)))
    assert seen is not None and seen.factor_specs == env.factor_specs
    cast(Any, env).reset(seed=0)
    factors = env.sample_factors(np.random.default_rng(0))
    assert np.array_equal(seen.set_factors(factors), env.set_factors(factors).ravel())
    assert factor_env(FrameStackObservation(env, 2)) is None  # which states came before?
    assert settable_env(with_factors(sample=None)) is None


def test_a_probe_shows_what_its_factors_say() -> None:
    env = with_factors()
    probe = probe_set(env, 600, seed=0)
    assert probe.factors is not None
    for row in (0, 17, 599):
        assert np.array_equal(env.set_factors(probe.factors[row]), probe.frames[row])
    assert np.abs(np.corrcoef(probe.factors.T) - np.eye(4)).max() < 0.15
    assert set(probe.factors[:, 2]) == {4, 8}


def test_the_pipeline_takes_it(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "on_policy")
    collect(make_vec(with_factors, 2, seed=0), store, 128, seed=0)
    frames = store.read()
    world = with_factors()
    world.reset(seed=0)
    for row in (0, 19, 20, 100):  # across the end of an episode too
        near = world.set_factors(frames.factors[row].astype(np.float64))
        assert np.array_equal(near[..., 0] == 255, frames.frames[row][..., 0] == 255)
    store = FrameStore(tmp_path / "independent")
    collect_independent(with_factors(), store, 64, seed=0, views=2)
    pairs = store.read()
    twins = np.flatnonzero(pairs.state == 3)
    assert np.array_equal(*pairs.factors[twins, :3]) and np.ptp(pairs.factors[twins, 3]) > 0
    shown = state_view(make_vec(with_factors, 1, seed=0)).reset()
    assert shown.shape == (1, 1 + 2 + 2)  # x, cosine and sine, one of two


def test_it_can_be_scored() -> None:
    env = with_factors()
    probe = Probe(env, n=200, seed=0)
    codes = probe.frames.factors

    class Perfect:
        def encode_frames(self, frames: np.ndarray) -> np.ndarray | None:
            return codes

    assert probe.measure(Perfect(), step=1)["vae/mig"] > 0.7
    scores = score(codes, codes, env.factor_specs, seed=0, steps=100).to_rows_dict()
    assert {f"r2/{spec.name}" for spec in SPECS} <= set(scores)
    assert scores["mig"] > 0.7


MISSING = {
    "read": lambda env: on_policy_set(env, None, 5, seed=0),
    "sample": lambda env: probe_set(env, 5, seed=0),
    "set": lambda env: probe_set(env, 5, seed=0),
}


@pytest.mark.parametrize("function", MISSING)
def test_a_missing_function_is_named_where_it_is_needed(function: str, tmp_path: Path) -> None:
    env = with_factors(**{function: None})
    with pytest.raises(ValueError, match=rf"\b{function}="):
        MISSING[function](env)
    if function == "read":  # and what needs none of it works
        assert len(probe_set(env, 5, seed=0)) == 5
        assert "factors" not in env.step(np.zeros(2))[4]
        with pytest.raises(ValueError, match="without read="):
            env.factors()
    else:
        assert on_policy_set(env, None, 5, seed=0).factors.shape == (5, 4)
        with pytest.raises(ValueError, match=f"without {function}="):
            collect_independent(env, FrameStore(tmp_path), 5, seed=0)


@pytest.mark.parametrize(
    ("factors", "reason"),
    [
        ([0.5, 0.0, 4], r"expected 4 factors \(x, phase, size, tone\), got shape \(3,\)"),
        ([1.5, 0.0, 4, 0.5], r"'x' = 1.5 is outside its range \[0, 1\]"),
        ([np.nan, 0.0, 4, 0.5], "'x' = nan is outside"),
        ([0.5, 0.0, 5, 0.5], "'size' = 5 is outside its range one of 4, 8"),
        ([0.95, 0.0, 8, 0.5], "does not fit in there"),
    ],
)
def test_refused_factors_leave_the_state_alone(factors: list[float], reason: str) -> None:
    env = with_factors()
    frame, info = env.reset(seed=0)
    with pytest.raises(ValueError, match=reason):
        env.set_factors(np.array(factors))
    assert np.array_equal(env.factors(), info["factors"])
    assert np.array_equal(env.unwrapped.draw(), frame)


def test_functions_that_do_not_do_what_they_say_are_found_out() -> None:
    def forgets(env: Any, factors: np.ndarray) -> None:
        put(env, factors)

    def snaps(env: Any, factors: np.ndarray) -> np.ndarray:
        return put(env, np.array([round(factors[0]), *factors[1:]]))

    target = np.array([0.4, -np.pi, 4, 0.5])
    for changes, error, reason in (
        ({"set": forgets}, TypeError, "set must return an observation of .* got NoneType"),
        ({"set": snaps}, ValueError, "asked for x = 0.4 and read says 0"),
        ({"read": lambda env: [1, 2]}, ValueError, r"read must give 4 factors, got shape \(2,\)"),
        ({"read": lambda env: {"y": 1}}, ValueError, r"read must give the factors \['x'.*\['y'\]"),
        ({"read": lambda env: [np.inf] * 4}, ValueError, "not finite"),
    ):
        env = with_factors(**changes)
        with pytest.raises(error, match=reason):
            env.reset(seed=0)
            before = env.factors()
            env.set_factors(target)
        if changes.get("set") is forgets:
            assert np.array_equal(env.factors(), before)
    outside = with_factors(sample=lambda env, rng: [2, 0, 4, 0])
    with pytest.raises(ValueError, match="'x' = 2 is outside"):
        outside.sample_factors(np.random.default_rng(0))


def test_set_may_scribble_over_what_it_gets() -> None:
    def scribbles(env: Any, factors: np.ndarray) -> np.ndarray:
        frame = put(env, factors)
        factors[:] = 0.0
        return frame

    env = with_factors(set=scribbles)
    env.reset(seed=0)
    wanted = np.array([0.4, 1.0, 8, 0.5])
    env.set_factors(wanted)
    assert wanted.tolist() == env.factors().tolist() == [0.4, 1.0, 8, 0.5]


def test_the_two_ends_of_a_circle_are_one_place() -> None:
    def turned(env: Any) -> dict[str, float]:
        return {**read(env), "phase": -env.unwrapped.phase}

    env = with_factors(read=turned)
    env.reset(seed=0)
    env.set_factors(np.array([0.4, np.pi, 4, 0.5]))
    with pytest.raises(ValueError, match="asked for phase = 1 and read says -1"):
        env.set_factors(np.array([0.4, 1.0, 4, 0.5]))


def test_appearances_are_drawn_from_the_named_domain() -> None:
    rng = np.random.default_rng(0)
    for name, low, high in (("dark", 0.0, 0.2), ("bright", 0.8, 1.0)):
        env = with_factors(domains=DOMAINS, domain=name)
        for _ in range(20):
            frame, info = env.reset()
            assert low <= info["factors"][3] <= high and info["domain"] == name
            assert frame[31, 31, 2] == round(100 * info["factors"][3])
            assert low <= env.sample_factors(rng)[3] <= high
    assert with_factors(domains=DOMAINS).domain == "dark"


def test_an_appearance_changes_no_later_episode_either() -> None:
    def played(domain: str) -> list[list[float]]:
        env = with_factors(domains=DOMAINS, domain=domain)
        seen = []
        for episode in range(2):
            _, info = env.reset(seed=3 if episode == 0 else None)
            seen.append(info["factors"][:3].tolist())
            for _ in range(5):
                _, reward, *_, info = env.step(np.array([0.3, 0.1]))
                seen.append([reward, *info["factors"][:3]])
        return seen

    assert played("dark") == played("bright") == played("plain")


def test_what_cannot_be_wrapped_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one of the functions"):
        FactorWrapper(Block(), SPECS)
    with pytest.raises(ValueError, match="different names"):
        FactorWrapper(Block(), [SPECS[0], SPECS[0]], read=read)
    with pytest.raises(ValueError, match="unknown visual domain 'red'; known: dark, bright, plain"):
        with_factors(domains=DOMAINS, domain="red")
    with pytest.raises(ValueError, match="visual domains need the functions read and set"):
        with_factors(domains=DOMAINS, set=None)
    with pytest.raises(ValueError, match=r"visual domain 'dark' must give the factors \['tone'\]"):
        with_factors(domains={"dark": lambda rng: {"hue": 1.0}}).reset()
    with pytest.raises(gym.error.ResetNeeded):
        with_factors().set_factors(np.array([0.5, 0.0, 4, 0.5]))


def off_by(share: float) -> Any:
    """A ``set`` whose block ends up a little further than it was asked for."""

    def pushed(env: Any, factors: np.ndarray) -> np.ndarray:
        return put(env, np.array([factors[0] + share, *factors[1:]]))

    return pushed


@pytest.mark.parametrize(
    ("share", "given", "fine"),
    [
        (0.0008, {}, True),
        (0.002, {}, False),
        (0.002, {"tolerance": 0.005}, True),
        (0.02, {"tolerance": {"x": 0.04}}, True),
        (0.02, {"tolerance": {"phase": 0.04}}, False),
        (0.0008, {"tolerance": 0.0}, False),
    ],
)
def test_physics_may_round_within_the_tolerance(
    share: float, given: dict[str, Any], fine: bool
) -> None:
    env = with_factors(set=off_by(share), **given)
    env.reset(seed=0)
    wanted = np.array([0.4, 1.0, 4, 0.5])
    if fine:
        env.set_factors(wanted)
        return
    with pytest.raises(ValueError, match=r"is allowed; if physics .* tolerance=\{'x': 0\.\d+\}"):
        env.set_factors(wanted)


def test_tolerances_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"tolerance names \['y'\]; the factors are \['x', 'ph"):
        with_factors(tolerance={"y": 0.1})
    with pytest.raises(ValueError, match=r"from 0 to below 0.5, got 2 for x"):
        with_factors(tolerance=2)
    env = with_factors(set=off_by(0.2))
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"or the environment cannot be in that state$"):
        env.set_factors(np.array([0.4, 1.0, 4, 0.5]))  # no physics: nothing to tolerate
    env = with_factors(read=lambda env: {**read(env), "size": 8}, tolerance=0.4)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="asked for size = 4 and read says 8"):
        env.set_factors(np.array([0.4, 1.0, 4, 0.5]))
