"""Atari worlds against ale-py's own environments, their domains, and what they refuse."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import cv2
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.atari_wrappers import AtariWrapper
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import FactorEnv
from bvae_rl.envs.atari.appearances import LEAST, AtariAppearance, atari_domain, contrast
from bvae_rl.envs.atari.emulator import rom_path
from bvae_rl.envs.atari.games import GAMES as TABLES
from bvae_rl.envs.atari.palette import NTSC
from bvae_rl.envs.atari.world import AtariWorld
from tests.atari_cases import GAMES, atari, located, need_ale
from tests.domain_cases import holds

every_game = pytest.mark.parametrize("game", GAMES)
DISJOINT = ("source:all", "ood1:all", "ood2:all")
OTHERS: dict[str, dict[str, Any]] = {  # arguments of ale-py that are not the default
    "pong": {},
    "breakout": {"frameskip": (2, 5), "full_action_space": True},
    "freeway": {"mode": 3, "difficulty": 1, "frameskip": 1, "repeat_action_probability": 0.5},
    "boxing": {"max_num_frames_per_episode": 240},
}


@every_game
def test_everything_but_the_size_is_ale_pys(game: str) -> None:
    need_ale()
    kwargs = OTHERS[game]
    theirs = gym.make(f"ale_py:ALE/{game.capitalize()}-v5", **kwargs)
    whole = gym.make(f"bvae_rl/{game.capitalize()}-v0", size=(210, 160), **kwargs)
    small = gym.make(f"bvae_rl/{game.capitalize()}-v0", **kwargs)
    assert whole.action_space == theirs.action_space and small.observation_space.shape[:2] == (
        64,
        64,
    )
    for seed in (0, None, 7):
        shown, info = theirs.reset(seed=seed)
        for env in (whole, small):
            ours, known = env.reset(seed=seed)
            assert [known[name] for name in info] == [*info.values()]
            assert np.array_equal(ours, shown if env is whole else area(shown))
        theirs.action_space.seed(0)
        for _ in range(64):
            action = theirs.action_space.sample()
            shown, *outcome, info = theirs.step(action)
            for env in (whole, small):
                ours, *same, known = env.step(action)
                assert same == outcome and {name: known[name] for name in info} == info
                assert np.array_equal(ours, shown if env is whole else area(shown))
            if outcome[1] or outcome[2]:
                break
    assert game != "boxing" or outcome[2]  # cut after 240 frames


def area(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA)


def test_the_table_of_colours_is_the_emulators() -> None:
    env = atari("freeway")
    env.set_factors(env.sample_factors(np.random.default_rng(0)))
    ale, car = env.ale, 77  # the byte of the lowest car's colour
    for colour in range(0, 256, 2):
        for _ in range(2):
            ale.setRAM(car, colour)
            ale.act(0)
        at = ale.getScreen() == colour
        rgb = ale.getScreenRGB()[at]
        assert len(rgb) and (rgb == NTSC[colour >> 4, (colour >> 1) & 7]).all()


@every_game
def test_domains_are_disjoint_and_show_their_appearances(game: str) -> None:
    env = atari(game)
    rng = np.random.default_rng(0)
    for name in (*DISJOINT, "pretrain:all"):
        domain = atari_domain(name, game)
        for _ in range(100):
            drawn = domain.sample(rng)
            shown = [other for other in DISJOINT if holds(atari_domain(other, game), drawn)]
            assert shown == [name] if name in DISJOINT else "ood2:all" not in shown
        env.reset(options={"appearance": drawn})
        colours = {tuple(rgb) for rgb in env.render().reshape(-1, 3).tolist()}
        assert env.appearance == drawn and len(colours) == len(np.unique(env._scene.screen))


@every_game
def test_things_can_be_told_from_the_ground_in_every_domain(game: str) -> None:
    env = atari(game)
    env.step(0)  # Pong's first frame has other colours
    colours = {*np.unique(env._scene.screen).tolist()}
    assert colours & {*TABLES[game].ground} and colours & {*TABLES[game].things}
    for base in ("ood1", "ood2", "pretrain"):
        hues = [
            [int(low) for low, _ in variation.ranges(base)]
            for variation in atari_domain(base, game).variations
        ]
        assert all(contrast(game, *pair) >= LEAST for pair in product(*hues))


@every_game
def test_an_appearance_changes_nothing_but_colours(game: str) -> None:
    plain, other = atari(game), atari(game, domain="ood1:all")
    states = len(TABLES[game].cells)
    for seed in (1, None):  # the second episode has no seed of its own
        infos = [env.reset(seed=seed)[1] for env in (plain, other)]
        assert infos[0]["domain"] == "source" and infos[1]["domain"] == "ood1:all"
        plain.action_space.seed(0)
        for _ in range(40):
            action = plain.action_space.sample()
            one, two = plain.step(action), other.step(action)
            assert one[1:4] == two[1:4]
            assert np.array_equal(one[4]["factors"][:states], two[4]["factors"][:states])
            assert np.array_equal(plain._scene.screen, other._scene.screen)
            assert not np.array_equal(one[0], two[0])


def test_pongs_ball_survives_at_64() -> None:
    env, whole = atari("pong", size=64), atari("pong")
    rng, seen = np.random.default_rng(0), []
    for _ in range(60):
        wanted = env.sample_factors(rng)
        frame = env.set_factors(wanted).astype(int)
        whole.set_factors(wanted)
        ball = located("pong", whole._scene.screen)
        row, column = int(ball["ball_y"] * 64 / 210), int(ball["ball_x"] * 64 / 160)
        near = frame[row : row + 3, column : column + 2]
        seen.append(np.abs(near - NTSC[2, 1]).max())
    assert min(seen) > 50, sorted(seen)[:5]  # of 255; 219 in the game's own picture


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version:UserWarning")
def test_checkers_and_sb3s_wrappers_take_it() -> None:
    env = atari("boxing", domain="pretrain:all", size=64)
    assert isinstance(env, FactorEnv)
    check_env(env, skip_render_check=True)
    sb3_check_env(env)
    wrapped = AtariWrapper(gym.make("bvae_rl/Breakout-v0", size=84, frameskip=1))
    assert wrapped.reset(seed=0)[0].shape == (84, 84, 1)
    wrapped.step(wrapped.action_space.sample())
    config = EnvConfig("bvae_rl.envs:bvae_rl/Pong-v0", kwargs=("mode=1",), domain="ood1").make()
    assert config.reset(seed=0)[1]["domain"] == "ood1"


def test_reset_goes_to_the_factors_that_it_is_given() -> None:
    env = atari("pong")
    given = {"ball_x": 60.0, "player_score": 7.0, "things_hue": 2.0}
    frame, info = env.reset(seed=3, options={"factors": given})
    found = {
        spec.name: value for spec, value in zip(env.factor_specs, info["factors"], strict=True)
    }
    assert {name: found[name] for name in given} == given and found["ball"] == 1.0
    assert np.array_equal(frame, env.render())
    assert np.array_equal(env.reset(seed=3, options={"factors": given})[0], frame)
    env.set_factors(np.where(info["factors"] == 60.0, 61.4, info["factors"]))
    assert 61.0 in env.factors()  # whole pixels


def test_what_cannot_be_is_refused_and_changes_nothing() -> None:
    env = atari("boxing")
    before = (env.factors().tolist(), env.render().tobytes())
    names = [spec.name for spec in env.factor_specs]
    values = dict(zip(names, env.sample_factors(np.random.default_rng(0)), strict=True))
    inside = {**values, "black_x": values["white_x"], "black_y": values["white_y"]}
    with pytest.raises(ValueError, match="impossible factors: boxing is never seen with white_x="):
        env.set_factors([*inside.values()])
    with pytest.raises(ValueError, match="'white_x' = 200 is outside its range"):
        env.set_factors([*{**values, "white_x": 200.0}.values()])
    with pytest.raises(
        ValueError, match=r"impossible factors: no state of boxing with .* was found"
    ):
        env.reset(options={"factors": {name: inside[name] for name in names[:4]}})
    with pytest.raises(
        ValueError, match=r"this is the game boxing.*AtariAppearance\(game='boxing'"
    ):
        env.reset(options={"appearance": AtariAppearance(game="pong")})
    env = atari("boxing")
    assert (env.factors().tolist(), env.render().tobytes()) == before


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"game": "tetris"}, "no table of the memory of the game 'tetris'; there are: pong, break"),
        ({"mode": 2}, "pong has no mode 2; it has 0, 1$"),
        ({"difficulty": 4}, "pong has no difficulty 4; it has 0, 1, 2, 3"),
        ({"domain": "ood1:camera"}, "unknown kind of change 'camera'.*kinds: colours, inversion"),
        ({"domain": "dark"}, "unknown visual domain 'dark'; known: source, ood1"),
        ({"size": 8}, "size must be a whole number of pixels of a side, 16 or more.*got 8"),
        ({"size": (64, 64, 3)}, r"or \(height, width\), got \(64, 64, 3\)"),
        ({"obs_type": "grayscale"}, "obs_type is no argument .*pictures are RGB.*--grey"),
        ({"frameskip": (4, 2)}, "pong cannot be made: Invalid stochastic frameskip"),
        ({"max_num_frames_per_episode": 0}, "max_num_frames_per_episode must be at least 1, got 0"),
        ({"render_mode": "human"}, "unknown render_mode 'human'"),
    ],
)
def test_what_there_is_not_is_refused(kwargs: dict[str, Any], message: str) -> None:
    need_ale()
    with pytest.raises(ValueError, match=message):
        AtariWorld(**{"game": "pong", **kwargs})


def test_appearances_that_hide_things_are_refused() -> None:
    with pytest.raises(ValueError, match=r"in freeway with ground_hue=8 and things_hue=0 a thing"):
        AtariAppearance(game="freeway", ground_hue=8)
    assert AtariAppearance(game="freeway", ground_hue=8, indistinct=True).table.shape == (256, 3)
    with pytest.raises(ValueError, match="unknown inversion 'upside down'; known: none, negative"):
        AtariAppearance(inversion="upside down")


def test_a_missing_rom_or_package_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_ale()
    monkeypatch.setenv("ALE_ROMS_DIR", str(tmp_path))
    with pytest.raises(ImportError, match=r"the ROM of pong cannot be read .*unset the variable"):
        rom_path("pong")
    monkeypatch.setenv("ALE_ROMS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(ImportError, match=r"the ROM of pong cannot be read .*doesn't exist"):
        rom_path("pong")
    monkeypatch.delenv("ALE_ROMS_DIR")
    monkeypatch.setitem(__import__("sys").modules, "ale_py", None)
    with pytest.raises(ImportError, match=r"needs the package 'ale_py'.*bvae-rl\[atari\]"):
        AtariWorld("pong")
