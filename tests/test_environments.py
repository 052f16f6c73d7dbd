"""Environments by id: arguments, wrappers, and who gets the visual domain."""

from __future__ import annotations

import gymnasium as gym
import pytest

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factor_wrapper import FactorWrapper
from bvae_rl.data.factors import FactorSpec
from bvae_rl.scripts.common import EnvArgs

DOORKEY = "bvae_rl.envs:bvae_rl/MiniGrid-DoorKey-6x6-v0"
HERE = "tests.test_environments"


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
