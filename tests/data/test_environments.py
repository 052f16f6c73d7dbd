"""Environments by id: arguments, wrappers, and who gets the visual domain."""

from __future__ import annotations

import logging
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import bvae_rl
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factor_wrapper import FactorWrapper
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.pictures.layouts import Wanted
from bvae_rl.models.vae import VAEConfig
from bvae_rl.scripts.common import EnvArgs
from tests.plug_cases import NoiseEnv
from tests.sb3.test_several_pictures import Robot

DOORKEY = "bvae_rl.envs:bvae_rl/MiniGrid-DoorKey-6x6-v0"
HERE = "tests.data.test_environments"


def with_light(env: gym.Env, domain: str = "bright") -> FactorWrapper:
    """A wrapper as a user writes one: a function that takes a visual domain."""
    domains = {"bright": lambda rng: {"light": 1.0}, "dark": lambda rng: {"light": 0.0}}
    now = {"light": 0.5}

    def go(env: gym.Env, factors: list[float]) -> object:
        now["light"] = float(factors[0])
        return env.observation_space.sample()

    specs = (FactorSpec("light", role="appearance"),)
    return FactorWrapper(env, specs, read=lambda env: now, set=go, domains=domains, domain=domain)


def test_arguments_reach_the_environment() -> None:
    env = EnvConfig(DOORKEY, kwargs=("view=partial", "thing_colours=True", "size=64")).make()
    names = [spec.name for spec in env.get_wrapper_attr("factor_specs")]
    assert env.get_wrapper_attr("view") == "partial" and "key_colour" in names
    args = EnvArgs(env="bvae_rl/MiniGrid-DoorKey-6x6-v0", env_kwargs=("view=partial",))
    assert args.flags == "--env bvae_rl/MiniGrid-DoorKey-6x6-v0 --env-kwargs view=partial"
    assert args.config().kwargs == ("view=partial",)
    with pytest.raises(ValueError, match="is NAME=VALUE, got 'partial'"):
        EnvConfig(DOORKEY, kwargs=("partial",)).make()
    with pytest.raises(ValueError, match=r"does not take views=partial: .*unexpected keyword"):
        EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", kwargs=("views=partial",)).make()


def test_the_domain_goes_to_the_wrapper_that_takes_one() -> None:
    world = EnvConfig("CartPole-v1", (f"{HERE}:with_light",))
    for domain, light in ((None, 1.0), ("bright", 1.0), ("dark", 0.0)):
        _, info = world.with_domain(domain).make().reset(seed=0)
        assert info["factors"] == [light]
    with pytest.raises(ValueError, match="unknown visual domain 'dim'; known: bright, dark"):
        world.with_domain("dim").make()
    grid = EnvConfig(
        "minigrid:MiniGrid-Empty-6x6-v0", ("bvae_rl.envs.grid.world:MiniGridWorld",), "ood1:texture"
    ).make()
    assert grid.reset(seed=0)[1]["domain"] == "ood1:texture"
    with pytest.raises(ValueError, match=r"has no visual domains: leave .* out .--domain"):
        EnvConfig("CartPole-v1", domain="dark").make()


def test_what_a_factor_is_must_be_known() -> None:
    with pytest.raises(ValueError, match="'x' has the kind 'disc'; known: continuous, cyclic"):
        FactorSpec("x", kind="disc")
    with pytest.raises(ValueError, match="'x' has the role 'zz'; known: state, appearance"):
        FactorSpec("x", role="zz")


def no_return(env: gym.Env) -> None:
    """A wrapper that forgets to return."""


def test_what_the_user_wrote_wrongly_is_said() -> None:
    with pytest.raises(ValueError, match=r"no_return must return the environment, .*NoneType"):
        EnvConfig("CartPole-v1", (f"{HERE}:no_return",)).make()
    env = bvae_rl.FactorWrapper(
        NoiseEnv(), [FactorSpec("x"), FactorSpec("y")], sample=lambda env, rng: [0.5, 0.5],
        set=lambda env, factors: factors["x"],
    )  # fmt: skip
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"factors\[0\] is x, factors\[1\] is y"):
        env.set_factors(np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match=r"key 'arm' is no picture, .* its pictures: "):
        bvae_rl.framed(Robot(), key="arm")


def test_factors_beyond_their_range_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    env = bvae_rl.FactorWrapper(
        NoiseEnv(), [FactorSpec("x", low=0, high=1)], read=lambda env: [3.0]
    )
    with caplog.at_level(logging.WARNING):
        bvae_rl.collect(env, tmp_path, frames=4)
    assert "factor 'x' was seen from 3 to 3, and its spec says [0, 1]" in caplog.text


def test_a_size_that_a_vae_does_not_take_is_not_dropped_without_a_word() -> None:
    config = VAEConfig(shape=(3, 32, 32), channels=(4, 4, 4), native=(3, 64, 64))
    reach = "bvae_rl.envs:bvae_rl/PlanarReach-v0"
    assert EnvConfig(reach).seen_by(Wanted.of(config)).size == (32, 32)
    for given in (EnvConfig(reach, size=(48, 48)), EnvConfig(reach, grey=True)):
        with pytest.raises(ValueError, match="takes frames of 32x32x3, so that size="):
            given.seen_by(Wanted.of(config))
