"""What every world with known factors does at a reset, and what it refuses there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from bvae_rl.data.factors import role_mask
from tests.world_cases import World, drawn, every_world, made, property_test, seeds


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
