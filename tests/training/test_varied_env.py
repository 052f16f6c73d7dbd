"""Any environment's pictures under the variations, as visual domains of its own."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete
from gymnasium.wrappers import FrameStackObservation

from bvae_rl import VariedEnv
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import factor_env, require_factor_env
from bvae_rl.data.pictures.framed import native_in, top_in
from bvae_rl.scripts.film.beside import require_switch

REACH = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", kwargs=("size=32",))


class Still(gym.Env[Any, Any]):
    """The same picture for ever, in one of several layouts."""

    action_space = Discrete(2)

    def __init__(self, layout: str = "last") -> None:
        shape = {
            "first": (3, 24, 32), "grey": (24, 32, 1), "bare": (24, 32), "stack": (2, 24, 32, 3),
            "symbols": (7, 7, 3),
        }.get(layout, (24, 32, 3))  # fmt: skip
        picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        space: gym.Space[Any] = Box(0, 255, shape, np.uint8)
        self.shown: Any = picture
        if layout == "floats":
            space, self.shown = Box(0, 1, shape, np.float32), (picture / 255).astype(np.float32)
        if layout == "dict":
            mask = Box(0, 255, (24, 32, 1), np.uint8)
            space = Dict(eye=space, mask=mask, joints=Box(-1, 1, (2,), np.float32))
            joints = np.ones(2, np.float32)
            self.shown = {"eye": picture, "mask": picture[..., :1], "joints": joints}
        self.observation_space = space

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self.shown, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.shown, 1.0, False, False, {}


def episode(env: gym.Env[Any, Any], seed: int | None = None) -> list[Any]:
    """Three pictures of an episode."""
    return [env.reset(seed=seed)[0], env.step(0)[0], env.step(1)[0]]


@pytest.mark.parametrize("domain", ["colour", "camera+light", "distractors", "texture", "noise"])
@pytest.mark.parametrize("layout", ["last", "first"])
def test_an_episode_keeps_its_changes_and_the_next_has_others(domain: str, layout: str) -> None:
    env = VariedEnv(Still(layout), domain)
    first, second, again = episode(env, 4), episode(env), episode(env, 4)
    for pictures in (first, second, again):
        assert all(np.array_equal(one, pictures[0]) for one in pictures)
        assert env.observation_space.contains(pictures[0])
        assert not np.array_equal(pictures[0], env.unwrapped.shown)  # type: ignore[attr-defined]
    assert np.array_equal(first[0], again[0]) and not np.array_equal(first[0], second[0])


def test_layouts_are_changed_alike() -> None:
    pictures = {
        name: episode(VariedEnv(Still(name), "colour+camera"), 1)[0] for name in ("last", "dict")
    }
    assert np.array_equal(pictures["dict"]["eye"], pictures["last"])
    assert np.array_equal(pictures["dict"]["joints"], np.ones(2))
    assert not np.array_equal(pictures["dict"]["mask"], Still().shown[..., :1])  # moved, as grey is
    stack = VariedEnv(Still("stack"), "colour+camera")
    (one, other), last = episode(stack, 1)[0], Still("stack").shown[1]
    assert np.array_equal(stack.reset(seed=1)[0][1], other) and not np.array_equal(other, last)
    assert one.shape == (24, 32, 3) and stack.observation_space == Still("stack").observation_space


@pytest.mark.parametrize("layout", ["floats", "bare"])
def test_pictures_of_other_kinds_become_frames(layout: str) -> None:
    env = VariedEnv(Still(layout), "light")
    assert env.observation_space.dtype == np.uint8 and len(env.observation_space.shape or ()) == 3
    assert env.observation_space.contains(env.reset(seed=0)[0])


def test_a_picture_that_stays_as_it_is_is_named(caplog: pytest.LogCaptureFixture) -> None:
    class Wrist(gym.ObservationWrapper[Any, Any, Any]):
        def __init__(self) -> None:
            super().__init__(Still("dict"))
            parts = self.env.observation_space
            assert isinstance(parts, Dict)
            self.observation_space = Dict({**parts.spaces, "wrist": Box(0, 1, (24, 32, 3))})

        def observation(self, observation: Any) -> Any:
            return {**observation, "wrist": np.full((24, 32, 3), 0.5, np.float32)}

    VariedEnv(Still("dict"), "light")
    assert not caplog.text
    env = VariedEnv(Wrist(), "light")
    assert "leaves 'wrist' as in source" in caplog.text
    assert (env.reset(seed=0)[0]["wrist"] == 0.5).all()


def test_source_and_strength_0_are_the_environment_itself() -> None:
    for env in (VariedEnv(Still()), VariedEnv(Still(), "colour", strength=0.0)):
        assert all(one is env.unwrapped.shown for one in episode(env, 0))  # type: ignore[attr-defined]


def test_what_is_drawn_for_people_changes_too() -> None:
    plain = EnvConfig("CarRacing-v3", ("bvae_rl:VariedEnv",), kwargs=("render_mode=rgb_array",))
    drawn: dict[str, Any] = {}
    for domain in ("source", "colour"):
        venv = plain.with_domain(domain).vec(1, seed=0)
        venv.seed(0)
        venv.reset()
        drawn[domain] = venv.get_images()[0]
        venv.close()
    assert drawn["source"].shape == drawn["colour"].shape == (400, 600, 3)
    assert not np.array_equal(drawn["source"], drawn["colour"])


def test_a_switch_changes_what_comes_and_nothing_else() -> None:
    config = EnvConfig(REACH.id, wrappers=("bvae_rl:VariedEnv",), kwargs=REACH.kwargs)
    require_switch(config.with_domain("source"), ("source", "colour", "camera+light"))
    env, plain = (one.make() for one in (config.with_domain("source"), REACH))
    env.reset(seed=3), plain.reset(seed=3)
    env.get_wrapper_attr("switch")("light", seed=1)
    action = np.ones(2, np.float32)
    (varied, reward, *_), (clean, same, *_) = env.step(action), plain.step(action)
    assert reward == same and not np.array_equal(varied, clean)
    env.get_wrapper_attr("switch")("source", seed=2)
    assert np.array_equal(env.step(action)[0], plain.step(action)[0])
    env.get_wrapper_attr("switch")("light")
    assert np.array_equal(env.reset(seed=5)[0], plain.reset(seed=5)[0])  # as it was made


def test_states_that_are_set_are_not_shown_through_it_and_through_others_they_are() -> None:
    varied = VariedEnv(REACH.make(), "colour")
    assert factor_env(varied) is None and settable_env(varied) is None
    assert len(varied.get_wrapper_attr("factor_specs")) == 7
    with pytest.raises(ValueError, match="states cannot be set behind VariedEnv"):
        require_factor_env(varied)

    class Darker(gym.ObservationWrapper[Any, Any, Any]):
        """Another picture in the same space."""

        def observation(self, observation: Any) -> Any:
            return observation // 2

    plain, dark = require_factor_env(REACH.make()), require_factor_env(Darker(REACH.make()))
    drawn = plain.sample_factors(np.random.default_rng(0))
    assert np.array_equal(dark.set_factors(drawn), plain.set_factors(drawn) // 2)


@pytest.mark.parametrize(
    ("layout", "wrong", "words"),
    [
        ("last", {"domain": "ood1"}, "unknown visual domain 'ood1' of VariedEnv: source, or some"),
        ("last", {"domain": "source+colour"}, r"some of distractors, colour, .* joined by \+"),
        ("last", {"domain": "colour+background"}, r"unknown visual domain 'colour\+background'"),
        ("symbols", {"domain": "colour"}, "symbolic observations"),
        ("last", {"domain": "light", "strength": 3.0}, "strength must be from 0 to 2, got 3"),
        ("grey", {"domain": "colour"}, r"'colour' needs pictures of 3 channels.*shape \(1, 24, 32"),
    ],
)
def test_what_cannot_be_shown_is_refused(layout: str, wrong: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        VariedEnv(Still(layout), **wrong)


def test_what_is_beside_a_picture_of_floats_stays() -> None:
    class Beside(gym.ObservationWrapper[Any, Any, Any]):
        def __init__(self) -> None:
            super().__init__(Still("floats"))
            joints = Box(-1, 1, (2,), np.float32)
            self.observation_space = Dict(eye=self.env.observation_space, joints=joints)

        def observation(self, observation: Any) -> Any:
            return {"eye": observation, "joints": np.ones(2, np.float32)}

    env = VariedEnv(Beside(), "colour")
    shown, _ = env.reset(seed=0)
    assert env.observation_space["eye"] == Box(0, 255, (24, 32, 3), np.uint8)
    assert env.observation_space.contains(shown) and shown["joints"].tolist() == [1, 1]
    plain = VariedEnv(Beside()).reset(seed=0)[0]["eye"]
    assert np.array_equal(plain, Still().shown) and not np.array_equal(shown["eye"], plain)


def test_a_stack_of_coloured_pictures_in_a_dict_has_its_number_as_an_axis() -> None:
    env = VariedEnv(FrameStackObservation(Still("dict"), 4), "colour")
    shown, _ = env.reset(seed=0)
    assert shown["eye"].shape == (4, 24, 32, 3) and env.observation_space.contains(shown)
    assert all(np.array_equal(shown["eye"][0], one) for one in shown["eye"])
    assert not np.array_equal(shown["eye"][0], Still().shown)


def test_a_drawing_is_one_picture_whatever_the_observation_stacks() -> None:
    class Drawn(Still):
        render_mode = "rgb_array"

        def render(self) -> Any:
            return np.full((24, 32, 3), (200, 10, 90), np.uint8)

    for number in (3, 4):
        env = VariedEnv(FrameStackObservation(Drawn("bare"), number), "light")
        env.reset(seed=1)
        assert env.render().shape == (24, 32, 3)


def test_it_is_made_again_from_its_spec() -> None:
    made = VariedEnv(gym.make("bvae_rl.envs:bvae_rl/PlanarReach-v0", size=32), "colour", 0.5)
    again = gym.make(made.spec)
    assert isinstance(again, gym.Wrapper) and again.get_wrapper_attr("strength") == 0.5
    assert np.array_equal(made.reset(seed=4)[0], again.reset(seed=4)[0])
    with pytest.raises(ValueError, match="unknown visual domain"):
        VariedEnv(Still(), ("colour",))  # type: ignore[arg-type]


def test_vectors_have_no_appearance() -> None:
    with pytest.raises(TypeError, match=r"expected a picture.* \(--pixels\)"):
        VariedEnv(gym.make("CartPole-v1"), "colour")


@pytest.mark.parametrize("number", [3, 4])
def test_frames_of_a_stack_of_grey_ones_get_the_same_changes(number: int) -> None:
    def stacked(domain: str) -> Any:
        return VariedEnv(FrameStackObservation(Still("bare"), number), domain)

    for domain in ("light", "distractors", "noise"):
        shown, _ = stacked(domain).reset(seed=3)
        assert shown.shape == (number, 24, 32)
        assert all(np.array_equal(shown[0], frame) for frame in shown)
        assert not np.array_equal(shown[0], Still("bare").shown)
    with pytest.raises(ValueError, match="colour"):
        stacked("colour")


@pytest.mark.parametrize(("shape", "top"), [((200, 180, 3), 1.0), ((64, 64, 1), 10.0)])
def test_float_pictures_of_a_dict_keep_what_they_are_made_of(
    shape: tuple[int, ...], top: float
) -> None:
    class Depth(Still):
        def __init__(self) -> None:
            super().__init__()
            eye = Box(0, top, shape, np.float32)
            self.observation_space = Dict(eye=eye, joints=Box(-1, 1, (2,), np.float32))
            self.shown = {"eye": eye.high / 2, "joints": np.ones(2, np.float32)}

    varied = VariedEnv(Depth(), "light")
    assert native_in(varied) == (None if top > 1 else (3, 200, 180))  # None: as they are
    assert top_in(varied) == (None if top == 1 else top)
    stacked = VariedEnv(FrameStackObservation(Depth(), 2), "light")
    space = stacked.observation_space["eye"]  # type: ignore[index]
    assert space.dtype == np.uint8 and space.shape[0] == 2 and space.shape[-1] == shape[-1]
    shown = stacked.reset(seed=0)[0]
    assert shown["eye"].shape == space.shape and shown["joints"].tolist() == [[1.0, 1.0]] * 2
