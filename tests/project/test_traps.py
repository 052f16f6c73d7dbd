"""One regression test per trap of Stable-Baselines3 that ruins a pretrained encoder in silence.

01 orthogonal initialisation, 02 training mode, 03 sampled features, 04 default heads, 05 image
scaling, 06 symbolic observations, 07 frame stacks, 08 target copies, 10 a decoder in the policy,
11 a checkpoint path in ``model.zip``. (13, one pass a step: ``test_latent_env.py``.)
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecTransposeImage

from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3 import BetaVAEExtractor, inspect, policy_kwargs
from bvae_rl.sb3.copies import encoder_copies
from tests.plug_cases import CONFIG, PLAIN, SETTINGS, NoiseEnv, make_vae


def as_form(frames: np.ndarray, form: str) -> np.ndarray:
    if form == "float":
        return frames.astype(np.float32) / 255
    return np.moveaxis(frames, -1, -3) if form == "channels first" else frames


@pytest.fixture
def vae() -> BetaVAE:
    vae = make_vae()
    vae.meta["statistics"] = PLAIN
    return vae


@pytest.fixture
def folder(vae: BetaVAE, tmp_path: Path) -> Path:
    return vae.save(tmp_path / "vae")


def build(
    algorithm: type[BaseAlgorithm],
    folder: Path | BetaVAE,
    env: Any = None,
    stacked: int = 1,
    **extra: Any,
) -> Any:
    kwargs = policy_kwargs(folder, latents="all", net_arch=[8, 8], stacked=stacked) | extra
    env = env or NoiseEnv(discrete=algorithm is DQN)
    return algorithm("CnnPolicy", env, policy_kwargs=kwargs, seed=0, **SETTINGS[algorithm])


def extractors(model: BaseAlgorithm) -> list[BetaVAEExtractor]:
    return [part for part in model.policy.modules() if isinstance(part, BetaVAEExtractor)]


def assert_pretrained(model: BaseAlgorithm, vae: BetaVAE, *, copies: int) -> None:
    found = extractors(model)
    assert len(found) == copies
    expected = vae.encoder.state_dict()
    for extractor in found:
        state = extractor.encoder.network.state_dict()
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[name], expected[name]) for name in expected)
        assert bool(extractor.encoder.ready)


@pytest.mark.parametrize("algorithm", [PPO, A2C])
@pytest.mark.parametrize("share", [True, False])
def test_trap_01_on_policy_algorithms_keep_the_pretrained_encoder(algorithm, share, folder, vae):
    model = build(algorithm, folder, share_features_extractor=share)
    copies = 1 if share else 2
    assert_pretrained(model, vae, copies=copies)
    first = model.policy.mlp_extractor.policy_net[0]  # the heads do get SB3's initialisation
    gain = torch.linalg.svdvals(first.weight)
    torch.testing.assert_close(gain, torch.full_like(gain, 2**0.5))
    assert not first.bias.any()
    before = first.weight.detach().clone()
    model.learn(16)
    assert_pretrained(model, vae, copies=copies)
    assert not torch.equal(first.weight, before)


def test_trap_01_a_whole_policy_can_be_initialised_again(folder, vae):
    model = build(PPO, folder)
    model.policy.apply(lambda module: model.policy.init_weights(module, gain=3.0))
    assert_pretrained(model, vae, copies=1)
    gain = torch.linalg.svdvals(model.policy.mlp_extractor.policy_net[0].weight)
    torch.testing.assert_close(gain, torch.full_like(gain, 3.0))


@pytest.mark.parametrize("algorithm", [PPO, SAC])
def test_trap_02_the_encoder_stays_in_evaluation_mode(algorithm, folder):
    model = build(algorithm, folder)
    model.policy.set_training_mode(True)
    assert model.policy.training
    assert not any(part.training for one in extractors(model) for part in one.encoder.modules())


def test_trap_03_features_are_the_posterior_mean_and_no_sample(folder, vae):
    model = build(PPO, folder)
    model.policy.set_training_mode(True)
    frames = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    observations, _ = model.policy.obs_to_tensor(frames)
    features = model.policy.extract_features(observations)
    assert torch.equal(features, model.policy.extract_features(observations))
    np.testing.assert_allclose(features.numpy(), vae.encode_frames(frames), atol=1e-6)


def test_trap_04_heads_are_explicit_and_equal_for_all_algorithms(folder):
    kwargs = policy_kwargs(folder)
    ppo = PPO("CnnPolicy", NoiseEnv(), policy_kwargs=kwargs, n_steps=8, batch_size=8)
    sac = SAC("CnnPolicy", NoiseEnv(), policy_kwargs=kwargs, buffer_size=10)
    heads: dict[str, Any] = {
        "PPO policy": ppo.policy.mlp_extractor.policy_net,
        "PPO value": ppo.policy.mlp_extractor.value_net,
        "SAC policy": sac.actor.latent_pi,
        "SAC value": list(sac.critic.q_networks[0].children())[:-1],
    }
    for name, head in heads.items():
        widths = [layer.out_features for layer in head if isinstance(layer, torch.nn.Linear)]
        assert widths == [256, 256], name


@pytest.mark.parametrize("form", ["bytes", "channels first", "float"])
@pytest.mark.parametrize("algorithm", [PPO, SAC])
def test_trap_05_each_form_of_a_picture_gives_the_same_features(algorithm, form, folder, vae):
    model = build(algorithm, folder, env=NoiseEnv(form))
    frames = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    observations, _ = model.policy.obs_to_tensor(as_form(frames, form))
    policy = model.policy if algorithm is PPO else model.actor
    features = policy.extract_features(observations, extractors(model)[0])
    np.testing.assert_allclose(features.numpy(), vae.encode_frames(frames), atol=1e-6)


def test_trap_05_unscaled_bytes_are_refused(folder):
    model = build(PPO, folder, normalize_images=False)
    with pytest.raises(ValueError, match=r"got \[\d+, \d+\]; leave normalize_images=True"):
        model.predict(model.get_env().reset())
    scaled = build(PPO, folder, env=NoiseEnv("float"), normalize_images=False)  # nothing to divide
    scaled.predict(scaled.get_env().reset())


def test_trap_06_symbolic_observations_are_refused():
    for channels in (3, 12):  # MiniGrid's, and four of them stacked
        space = gym.spaces.Box(0, 255, (7, 7, channels), np.uint8)
        with pytest.raises(ValueError, match="symbolic"):
            BetaVAEExtractor(space, config=CONFIG.to_dict())


@pytest.mark.parametrize("channels_first", [False, True])
def test_trap_07_each_frame_of_a_stack_is_encoded_by_itself(channels_first, folder, vae):
    venv = DummyVecEnv([NoiseEnv])
    stacking = VecFrameStack(VecTransposeImage(venv) if channels_first else venv, 3)
    model = build(PPO, folder, env=stacking, stacked=3)
    frames = np.random.default_rng(0).integers(0, 256, (3, 2, 32, 32, 3), np.uint8)  # stack, B, ...
    if channels_first:
        stacked = np.concatenate([as_form(part, "channels first") for part in frames], axis=1)
    else:
        stacked = np.concatenate(list(frames), axis=-1)
    observations, _ = model.policy.obs_to_tensor(stacked)
    expected = np.concatenate([vae.encode_frames(part) for part in frames], axis=1)
    assert model.policy.features_dim == 12
    np.testing.assert_allclose(
        model.policy.extract_features(observations).numpy(), expected, atol=1e-6
    )


@pytest.mark.parametrize(("algorithm", "copies"), [(SAC, 3), (DQN, 2)])
def test_trap_08_target_copies_stay_bit_equal(algorithm, copies, folder, vae):
    model = build(algorithm, folder)
    assert_pretrained(model, vae, copies=copies)
    model.learn(12)  # Polyak averaging rounds: as parameters, the target's copy would drift
    assert_pretrained(model, vae, copies=copies)


def test_trap_10_neither_decoder_nor_encoder_is_in_the_optimizer(folder, vae):
    model = build(PPO, folder)
    assert not any("decoder" in name for name in model.policy.state_dict())
    trained = {name for name, _ in model.policy.named_parameters()}
    assert trained and not any("extractor.encoder" in name for name in trained)
    network = extractors(model)[0].encoder.network
    held = sum(tensor.numel() for tensor in network.state_dict().values())
    assert held == sum(parameter.numel() for parameter in vae.encoder.parameters())


LOAD_AND_ACT = """
import json, sys
import numpy as np
from stable_baselines3 import PPO, SAC

folder = sys.argv[1]
frames = np.load(folder + "/frames.npy")
actions = {
    cls.__name__: cls.load(f"{folder}/{cls.__name__}.zip", device="cpu")
    .predict(frames, deterministic=True)[0]
    .tolist()
    for cls in (PPO, SAC)
}
print(json.dumps(actions))
"""


def act_elsewhere(folder: Path, expected: dict[str, np.ndarray]) -> None:
    """A fresh process has to act as ``expected`` with the models saved in ``folder``."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD_AND_ACT, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name, actions in json.loads(done.stdout).items():
        np.testing.assert_allclose(np.float32(actions), expected[name], atol=1e-6)


def test_trap_11_a_saved_model_acts_the_same_elsewhere_without_the_vae(folder, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    np.save(tmp_path / "frames.npy", frames)
    expected = {}
    for algorithm in (PPO, SAC):
        model = build(algorithm, folder).learn(8)
        expected[algorithm.__name__] = model.predict(frames, deterministic=True)[0]
        model.save(tmp_path / f"{algorithm.__name__}.zip")
    shutil.rmtree(folder)
    act_elsewhere(tmp_path, expected)
    assert len(np.unique(expected["PPO"][:, 0])) == 4  # the actions do depend on the frame


def test_trap_11_a_vae_in_memory_goes_with_the_model(vae, tmp_path):
    vae.meta["statistics"] = {"mean": [0.1, 0.2, 0.3, 0.4], "std": [0.5, 1.0, 0.7, 0.6]}
    frames = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    np.save(tmp_path / "frames.npy", frames)
    expected = {}
    for algorithm in (PPO, SAC):
        model = build(algorithm, vae)
        assert "in memory" in str(model.policy_kwargs) and len(str(model.policy_kwargs)) < 2000
        codes = (vae.encode_frames(frames) - [0.1, 0.2, 0.3, 0.4]) / [0.5, 1.0, 0.7, 0.6]
        x = torch.from_numpy(frames).permute(0, 3, 1, 2) / 255
        np.testing.assert_allclose(extractors(model)[0](x), codes, atol=1e-5)
        expected[algorithm.__name__] = model.learn(8).predict(frames, deterministic=True)[0]
        model.save(tmp_path / f"{algorithm.__name__}.zip")
        # SB3 compares arguments given to load with those saved
        again = algorithm.load(
            tmp_path / f"{algorithm.__name__}.zip", policy_kwargs=model.policy_kwargs
        )
        assert {copy.moved for copy in inspect(again)} == {False}
    kwargs = policy_kwargs(vae)
    with torch.no_grad():
        next(vae.encoder.parameters()).zero_()  # trained on, the policy keeps what it was given
    model = PPO("CnnPolicy", NoiseEnv(), policy_kwargs=kwargs, n_steps=8, batch_size=8)
    assert next(iter(encoder_copies(model).values())).weights()["1.weight"].any()
    act_elsewhere(tmp_path, expected)


def test_trap_11_the_weights_in_the_zip_win_over_another_vae_at_the_path(folder, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    model = build(PPO, folder)
    expected = model.predict(frames, deterministic=True)[0]
    model.save(tmp_path / "model.zip")
    for other in (CONFIG, replace(CONFIG, groups={})):  # pretrained again since, even otherwise
        BetaVAE(other).save(folder)
        loaded = PPO.load(tmp_path / "model.zip")
        assert np.array_equal(loaded.predict(frames, deterministic=True)[0], expected)


def test_trap_11_a_mistyped_path_never_becomes_a_random_encoder(folder, vae):
    wrong = str(folder) + "_typo"
    with pytest.raises(ValueError, match=r"no VAE at .*_typo"):
        policy_kwargs(wrong)
    kwargs = policy_kwargs(folder, latents="all")
    kwargs["features_extractor_kwargs"]["checkpoint"] = wrong
    model = PPO("CnnPolicy", NoiseEnv(), policy_kwargs=kwargs, n_steps=8, batch_size=8)
    assert not any(bool(one.encoder.ready) for one in extractors(model))
    with pytest.raises(ValueError, match=r"has no weights: no VAE at .*_typo"):
        model.learn(8)
    model.policy.load_state_dict(build(PPO, folder, net_arch=[256, 256]).policy.state_dict())
    assert_pretrained(model, vae, copies=1)
    model.learn(8)
