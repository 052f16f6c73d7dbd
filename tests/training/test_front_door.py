"""The shortest program: frames from whatever a user has, to a VAE, to a policy."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

import bvae_rl
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.sources import as_store
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.recipes.table import AUTO, RECIPES, best_recipe, recipe
from bvae_rl.training.schedules import Constant
from bvae_rl.training.train_config import TrainConfig
from tests.objective_cases import grids
from tests.plug_cases import NoiseEnv

QUICK = TrainConfig(batch_size=8, warmup=2, log_freq=2, compile=False)


class Dots(gym.Env):
    """A bright dot walks over a dark picture of 32 x 32: anybody's environment, without factors."""

    observation_space = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
    action_space = gym.spaces.Discrete(2)

    def _picture(self) -> np.ndarray:
        frame = np.zeros((32, 32, 3), np.uint8)
        frame[8:16, self.x : self.x + 4] = 200
        return frame

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.x = int(self.np_random.integers(28))
        return self._picture(), {}

    def step(self, action: int) -> Any:
        self.x = int(np.clip(self.x + 2 * action - 1, 0, 28))
        return self._picture(), float(self.x), False, False, {}


gym.register("Dots-v0", Dots, max_episode_steps=20)


@pytest.mark.parametrize(
    "source", ["Dots-v0", Dots, lambda: DummyVecEnv([Dots] * 2)], ids=["id", "env", "VecEnv"]
)
def test_three_lines_from_an_environment_to_a_policy(source: Any, tmp_path: Path) -> None:
    source = source() if callable(source) else source
    settings: dict[str, Any] = {"frames": 300, "out": tmp_path, "steps": 4, "train": QUICK}
    vae = bvae_rl.pretrain(source, **settings)
    kwargs = bvae_rl.policy_kwargs(tmp_path)
    model = PPO("CnnPolicy", Dots(), policy_kwargs=kwargs, n_steps=8, batch_size=8)
    model.learn(8)
    assert len(FrameStore(tmp_path / "frames")) >= 300
    again = bvae_rl.pretrain(source, **settings)  # nothing is collected or trained again
    assert again.meta["training"] == vae.meta["training"]


def test_arrays_stores_and_folders_are_frames(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (200, 32, 32, 3), dtype=np.uint8)
    settings: dict[str, Any] = {"steps": 2, "train": QUICK}
    vae = bvae_rl.pretrain(frames, out=tmp_path / "a", **settings)
    store = FrameStore(tmp_path / "a" / "frames")
    assert np.array_equal(store.column("frames"), frames) and vae.shape == (3, 32, 32)
    bvae_rl.pretrain(store, out=tmp_path / "b", **settings)
    bvae_rl.pretrain(store.folder, out=tmp_path / "c", **settings)
    with pytest.raises(ValueError, match="holds frames made with"):
        bvae_rl.pretrain(frames[::-1], out=tmp_path / "a", **settings)
    for wrong, kind in (
        (frames.astype(float), ValueError),
        (3, TypeError),
        (frames[0], ValueError),
    ):
        with pytest.raises(kind, match="frames"):
            bvae_rl.pretrain(wrong, out=tmp_path / "d", **settings)


def test_auto_takes_the_best_recipe_that_the_frames_allow(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = grids(tmp_path / "grids")
    assert best_recipe(store)[0].name == "views_interventions_room" == next(iter(AUTO))
    with caplog.at_level(logging.INFO):
        vae = bvae_rl.pretrain(store, out=tmp_path / "vae", steps=2, train=QUICK)
    assert "recipe views_interventions_room" in caplog.text and "single-action" in caplog.text
    teacher = bvae_rl.BetaVAE.load(tmp_path / "vae" / "teacher")
    assert teacher.meta["training"]["objective"]["pairs"] == "views+interventions"
    assert vae.meta["hardened"]["against"] == ["colour"]
    assert teacher.meta["training"]["model"]["groups"]["content"] == [0, 24]
    assert vae.config.groups["content"] == (0, 24) and "actuator1" in vae.config.parts
    single = FrameStore(tmp_path / "single")
    block = store.read()
    single.append(type(block)(block.frames, block.episode, np.arange(len(block))))
    chosen, why = best_recipe(single)
    assert chosen.name == "plain" and "no state in two appearances" in why


def test_auto_augments_colours_only_where_they_are_hardened_against(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = grids(tmp_path / "moved", views=1)
    assert best_recipe(store, against=("light",))[0].name == "plain"
    chosen, why = best_recipe(store, against=("colour", "light"))
    assert chosen.name == "augment_interventions" and "not part of the task" in why
    settings: dict[str, Any] = {"steps": 2, "train": QUICK}
    with caplog.at_level(logging.INFO):
        vae = bvae_rl.pretrain(store, out=tmp_path / "free", **settings)
    assert "recipe augment_interventions" in caplog.text
    trained = vae.meta["hardened"]["training"]
    assert trained["objective"]["pairs"] == "augment+interventions"
    kept = bvae_rl.pretrain(store, out=tmp_path / "kept", harden="none", **settings)
    assert kept.meta["training"]["objective"]["name"] == "beta" and not kept.config.groups


def test_auto_does_not_take_the_actions_of_one_actuator_for_interventions(tmp_path: Path) -> None:
    store, one = grids(tmp_path / "two", views=1), FrameStore(tmp_path / "one")
    block = store.read()
    assert block.actions is not None
    one.append(replace(block, actions=block.actions[:, :1]))
    assert len(Rows(one).interventions()[0])
    for against in ((), ("colour",)):
        chosen, why = best_recipe(one, against=against)
        asks = "ask for the recipe augment_interventions" in why
        assert chosen.name == "plain" and asks == ("colour" in against)
    choices = FrameStore(tmp_path / "choices")
    choices.append(replace(block, actions=np.ones_like(block.actions[:, :1])))
    chosen, why = best_recipe(choices, against=("colour",))
    assert chosen.name == "plain" and "actuator, so" not in why


def test_beta_late_has_room_and_idle_latents_are_cut_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bvae_rl.training.loop.FIRST_LOOK", 2)
    store = grids(tmp_path / "frames", views=1)
    row = recipe("beta_late")
    assert row.prune and row.latents == "all" and row.make_config(store).latent_dim == 32
    vae = bvae_rl.pretrain(
        store, out=tmp_path / "vae", recipe="beta_late", steps=2, train=QUICK, verbose=0
    )
    assert vae.latent_dim < 32 and len(vae.meta["statistics"]["std"]) == vae.latent_dim
    assert vae.encode_frames(store.read().frames[:2]).shape == (2, vae.latent_dim)


def test_a_recipe_or_an_objective_is_named(tmp_path: Path) -> None:
    frames = np.zeros((200, 32, 32, 3), np.uint8)
    frames[:, :, :8] = np.arange(200, dtype=np.uint8)[:, None, None, None]
    settings: dict[str, Any] = {"steps": 2, "train": QUICK}
    vae = bvae_rl.pretrain(frames, out=tmp_path / "a", recipe="augment", **settings)
    assert vae.meta["training"]["objective"]["name"] == "cross_reconstruction"
    with pytest.raises(ValueError, match="unknown recipe 'best'; known: auto, plain"):
        bvae_rl.pretrain(frames, out=tmp_path / "b", recipe="best", **settings)
    mine = BetaVAEObjective(Constant(2.0))
    with pytest.raises(ValueError, match="needs the VAE's config beside it"):
        bvae_rl.pretrain(frames, None, mine, out=tmp_path / "b", **settings)
    config = VAEConfig(shape=(3, 32, 32), latent_dim=5)
    with pytest.raises(ValueError, match="recipe='plain_hardened' has an objective, and one is"):
        bvae_rl.pretrain(
            frames, config, mine, out=tmp_path / "b", recipe="plain_hardened", **settings
        )
    assert bvae_rl.pretrain(frames, config, mine, out=tmp_path / "b", **settings).latent_dim == 5


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_made_of_known_parts(name: str) -> None:
    row = recipe(name)
    assert row.make_objective(1000).name and row.latents in ("content", "all")
    assert row.text and row.supervision


def test_a_refusal_leaves_a_finished_folder_as_it_was(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"out": tmp_path, "steps": 2, "train": QUICK}
    bvae_rl.pretrain("Dots-v0", frames=300, **settings)
    rows = len(FrameStore(tmp_path / "frames"))
    with pytest.raises(ValueError, match=rf"is trained on {rows} frames, and 9000 are asked for"):
        bvae_rl.pretrain("Dots-v0", frames=9000, **settings)
    assert bvae_rl.pretrain("Dots-v0", frames=300, **settings).meta["finished"]


def test_what_cannot_be_is_said_before_anything_is_collected(tmp_path: Path) -> None:
    for wrong in ({"recipe": "plian"}, {"steps": 0}, {"objective": BetaVAEObjective(Constant(1))}):
        with pytest.raises(ValueError, match=r"unknown recipe|at least 1|config beside it"):
            bvae_rl.pretrain("Dots-v0", out=tmp_path / "vae", **wrong)  # type: ignore[arg-type]
    (tmp_path / "runs").mkdir()
    with pytest.raises(ValueError, match="no frame store at"):
        bvae_rl.pretrain(str(tmp_path / "runs" / "frmes"), out=tmp_path / "vae")
    assert not (tmp_path / "vae").exists()


def test_numbers_may_be_numpys_and_a_start_a_folder(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (300, 32, 32, 3)).astype(np.uint8)
    given = {"steps": np.int64(2), "harden": "none", "train": QUICK}
    bvae_rl.pretrain(frames, out=tmp_path / "a", seed=np.int64(1), **given)
    again = bvae_rl.pretrain(frames, out=tmp_path / "b", start=tmp_path / "a", **given)
    assert again.meta["training"]["seed"] == 0
    assert bvae_rl.collect("Dots-v0", tmp_path / "c", frames=50, seed=np.int64(3)).meta["seed"] == 3
    for wrong in ({"seed": None}, {"seed": True}, {"steps": 2.5}):
        with pytest.raises(ValueError, match="must be a whole number"):
            bvae_rl.pretrain(frames, out=tmp_path / "d", **wrong)  # type: ignore[arg-type]
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match="no frame store at"):
        bvae_rl.pretrain(str(tmp_path / "images"), out=tmp_path / "d")


@pytest.mark.parametrize("vae", ["teacher", "seed-1", "teacher/seed-1", "beta-4-seed-0"])
def test_more_frames_are_refused_while_a_vae_of_them_is_there(tmp_path: Path, vae: str) -> None:
    bvae_rl.collect("Dots-v0", tmp_path / "frames", frames=50)
    (tmp_path / vae).mkdir(parents=True)
    (tmp_path / vae / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="and 900 are asked for"):
        bvae_rl.pretrain("Dots-v0", frames=900, out=tmp_path)


class OtherDots(Dots):
    """Another environment with the same pictures."""


@pytest.mark.parametrize("several", [False, True])
def test_two_environments_in_hand_are_not_taken_for_each_other(
    several: bool, tmp_path: Path
) -> None:
    def made(kind: type[Dots]) -> Any:
        return DummyVecEnv([kind]) if several else kind()

    bvae_rl.collect(made(Dots), tmp_path, frames=64)
    with pytest.raises(ValueError, match=r"shown\.of <Dots instance>, not <OtherDots"):
        bvae_rl.collect(made(OtherDots), tmp_path, frames=64)


def test_pretraining_says_what_it_does_and_verbose_0_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, package = logging.getLogger(), logging.getLogger("bvae_rl")
    settings: dict[str, Any] = {"frames": 64, "steps": 2, "train": QUICK}
    with monkeypatch.context() as patch:
        patch.setattr(root, "handlers", [])  # pytest's own
        bvae_rl.pretrain("Dots-v0", out=tmp_path / "a", **settings)
        said = capsys.readouterr().err
        assert "recipe plain" in said and "step 2 of 2" in said
        bvae_rl.pretrain("Dots-v0", out=tmp_path / "b", verbose=0, **settings)
        assert "recipe plain" not in capsys.readouterr().err
    assert not package.handlers and package.level == logging.NOTSET


def test_an_id_whose_namespace_is_a_folder_here_is_an_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bvae_rl").mkdir()  # as in a clone
    monkeypatch.chdir(tmp_path)
    store = as_store("bvae_rl/PlanarReach-v0", tmp_path / "frames", frames=8, seed=0)
    assert len(store) >= 8


def test_an_array_keeps_its_channels(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (60, 20, 20, 4), np.uint8)
    vae = bvae_rl.pretrain(frames, out=tmp_path / "four", steps=1, verbose=0)
    assert vae.config.shape == (4, 20, 20) and vae.config.native is None
    with pytest.raises(ValueError, match=r"stacked means nothing here; .*array\[..., -1:\]"):
        bvae_rl.pretrain(frames, out=tmp_path / "b", steps=1, stacked=4)
    with pytest.raises(TypeError, match=r"no argument 'sizes'; .* pixels, frame_skip, key, size"):
        bvae_rl.pretrain(frames, out=tmp_path / "b", **{"sizes": (64, 64)})
    with pytest.raises(ValueError, match=r"size is \(H, W\), .* got 64; write"):
        bvae_rl.pretrain(frames, out=tmp_path / "b", size=64)


def test_our_own_id_needs_no_module_and_a_frame_is_what_pretrain_collects(tmp_path: Path) -> None:
    env: Any = bvae_rl.framed("bvae_rl/PlanarReach-v0", size=(32, 32), grey=True)
    shown, _ = env.reset(seed=0)
    assert shown.shape == (32, 32, 1)
    both: Any = bvae_rl.framed(VecFrameStack(DummyVecEnv([NoiseEnv]), 2), size=(16, 16))
    assert both.reset().shape == (1, 16, 16, 3)
