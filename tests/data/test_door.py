"""Any picture that an environment may show: encoded right, or refused with the line to write."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

from bvae_rl.data.pictures.checks import check_x, checked_frames
from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.data.pictures.layouts import stacked_in
from bvae_rl.data.pictures.resize import convert, convert_bytes, frame_shape, native_size
from bvae_rl.sb3 import LatentVecEnv, policy_kwargs, to_image_policy
from tests.picture_cases import CHANNELS, CURES, KINDS, Shown, Still, shown_pictures, small_vae
from tests.plug_cases import SETTINGS, NoiseEnv


@settings(max_examples=150, deadline=None)
@given(shown_pictures())
def test_every_picture_is_read_right_where_its_stack_is_said(shown: Shown) -> None:
    layout = FrameLayout.of(shown.space, stacked=shown.stack)
    native = (CHANNELS[shown.kind], *shown.sides)
    assert layout.shape == frame_shape(native) and layout.stack == shown.stack
    expected = convert_bytes(shown.frames, layout.shape)
    read = layout.all_frames(shown.observation[None])
    assert np.abs(read.astype(int) - expected).max() <= 1  # of floats, what rounding leaves
    assert np.array_equal(layout.frames(shown.observation[None])[0], read[-1])
    again = FrameLayout.of(shown.space, shape=layout.shape, native=native, stacked=shown.stack)
    assert again == layout


@settings(max_examples=150, deadline=None)
@given(shown_pictures())
def test_where_nobody_says_it_is_read_right_or_refused_with_a_cure(shown: Shown) -> None:
    try:
        layout = FrameLayout.of(shown.space)
    except ValueError as error:
        assert any(cure in str(error) for cure in CURES), error
        return
    grey_for_rgb = shown.stack == 3 and CHANNELS[shown.kind] == 1  # wrappers tell: below
    if not grey_for_rgb:
        read = layout.all_frames(shown.observation[None])
        expected = convert_bytes(shown.frames, layout.shape)
        assert np.abs(read.astype(int) - expected).max() <= 1


@settings(max_examples=25, deadline=None)
@given(shown_pictures(), st.booleans())
def test_agents_see_the_codes_of_the_frames_or_are_refused(shown: Shown, said: bool) -> None:
    native = (CHANNELS[shown.kind], *shown.sides)
    vae = small_vae(frame_shape(native), native, shown.top)
    venv = DummyVecEnv([lambda: Still(shown.space, shown.observation)])
    how = {"stacked": shown.stack} if said else {}
    try:
        latent_env = LatentVecEnv(venv, vae, latents="all", standardise=False, **how)
        kwargs = policy_kwargs(vae, standardise=False, net_arch=[4], **how)
        model = PPO("CnnPolicy", venv, policy_kwargs=kwargs, n_steps=2, batch_size=2, device="cpu")
    except ValueError as error:
        assert not said and any(cure in str(error) for cure in CURES), error
        return
    expected = vae.encode_frames(convert_bytes(shown.frames, vae.shape)).reshape(1, -1)
    atol = (
        2e-2 if shown.scale != "bytes" or vae.config.native else 1e-5
    )  # a level of 256 here and there
    np.testing.assert_allclose(latent_env.reset(), expected, atol=atol, rtol=1e-2)
    observation, _ = model.policy.obs_to_tensor(model.get_env().reset())
    features = model.policy.extract_features(observation)
    features = features[0] if isinstance(features, tuple) else features
    np.testing.assert_allclose(features.detach(), expected, atol=atol, rtol=1e-2)


def test_wrappers_tell_three_grey_frames_from_one_rgb_picture() -> None:
    def grey() -> gym.Env[Any, Any]:
        return gym.wrappers.GrayscaleObservation(NoiseEnv())

    stack = gym.wrappers.FrameStackObservation(grey(), 3)
    assert stack.observation_space.shape == (3, 32, 32) and stacked_in(stack) == 3
    assert stacked_in(DummyVecEnv([lambda: gym.wrappers.FrameStackObservation(grey(), 3)])) == 3
    kept = gym.wrappers.GrayscaleObservation(NoiseEnv(), keep_dim=True)
    venv = VecFrameStack(DummyVecEnv([lambda: kept]), 3)
    assert venv.observation_space.shape == (32, 32, 3) and stacked_in(venv) == 3
    layout = FrameLayout.of(venv.observation_space, stacked=3)
    assert layout.shape == (1, 32, 32) and layout.stack == 3
    vae = small_vae((1, 32, 32), (1, 32, 32))
    assert LatentVecEnv(venv, vae, standardise=False).observation_space.shape == (9,)
    assert stacked_in(NoiseEnv()) is None


def test_an_rgb_picture_is_no_stack_for_a_grey_vae() -> None:
    vae = small_vae((1, 32, 32), (1, 32, 32))
    with pytest.raises(ValueError, match=r"3 frames stacked, say so: stacked=3"):
        LatentVecEnv(DummyVecEnv([NoiseEnv]), vae, standardise=False)


def test_what_is_larger_than_128_pixels_is_made_smaller_and_a_size_decides() -> None:
    assert native_size(128, 16) == (128, 16)
    assert native_size(210, 160) == (128, 98) and native_size(400, 600) == (85, 128)
    assert frame_shape((4, 96, 96)) == (3, 96, 96)
    assert frame_shape((3, 96, 96), size=(64, 48), grey=True) == (1, 64, 48)
    with pytest.raises(ValueError, match=r"size is \(H, W\), from 16 to 512 .*got \(8, 64\)"):
        frame_shape((3, 96, 96), size=(8, 64))


def test_resizing_is_the_mean_of_what_a_pixel_covers() -> None:
    x = torch.tensor([[0.0, 51.0, 102.0], [255.0, 0.0, 204.0]]).reshape(1, 1, 2, 3) / 255
    wide = convert(x, (1, 1, 3)) * 255  # rounded half to even: 127.5, 25.5
    assert wide.flatten().tolist() == pytest.approx([128, 26, 153])
    narrow = convert(x, (1, 2, 2))[0, 0, 0] * 255  # of 1.5 pixels each
    assert narrow.tolist() == pytest.approx([17, 85])
    grey = convert(torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1), (1, 1, 1))
    assert float(grey) == pytest.approx(round(0.299 * 255) / 255)


@settings(max_examples=30, deadline=None)
@given(st.integers(16, 90), st.integers(16, 90), st.integers(16, 90), st.integers(16, 90))
def test_bytes_and_floats_are_resized_alike(h: int, w: int, height: int, width: int) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, h, w, 3), np.uint8)
    x = convert(torch.from_numpy(frames).permute(0, 3, 1, 2) / 255.0, (3, height, width))
    bytes_ = convert_bytes(frames, (3, height, width)).astype(int)
    assert np.abs(bytes_ - (x * 255).permute(0, 2, 3, 1).numpy()).max() <= 1.001


@pytest.mark.parametrize(
    ("frames", "error", "says"),
    [
        (torch.zeros(2, 3, 32, 32), TypeError, r"vae.encode\(x\)"),
        ([np.zeros((32, 32, 3), np.uint8)], TypeError, r"np.stack\(frames\)"),
        (np.zeros((32, 32, 3), np.uint8), ValueError, r"frames\[None\]"),
        (np.zeros((5, 32, 32), np.uint8), ValueError, r"frames\[..., None\]"),
        (np.zeros((2, 32, 32, 3)), ValueError, r"\(255 \* frames\)"),
        (np.zeros((2, 32, 32, 3), np.int64), ValueError, r"frames.astype\(np.uint8\)"),
        (np.zeros((2, 3, 32, 32), np.uint8), ValueError, r"frames.transpose\(0, 2, 3, 1\)"),
        (np.zeros((2, 48, 32, 3), np.uint8), ValueError, "another size; write .*convert_bytes"),
        (np.zeros((2, 32, 32, 2), np.uint8), ValueError, "other channels; train a VAE"),
    ],
)
def test_frames_that_are_none_are_refused_with_the_line_to_write(frames, error, says) -> None:
    with pytest.raises(error, match=says):
        checked_frames(frames, (3, 32, 32))
    with pytest.raises(error, match=says):
        small_vae((3, 32, 32), (3, 32, 32)).encode_frames(frames)


@pytest.mark.parametrize(
    ("x", "error", "says"),
    [
        (np.zeros((2, 32, 32, 3), np.uint8), TypeError, r"vae.encode_frames\(frames\)"),
        (torch.zeros(2, 3, 32, 32, dtype=torch.uint8), ValueError, "write x / 255"),
        (torch.zeros(2, 32, 32, 3), ValueError, r"x.permute\(0, 3, 1, 2\)"),
        (torch.zeros(3, 32, 32), ValueError, r"x\[None\]"),
        (torch.full((2, 3, 32, 32), 200.0), ValueError, r"pixels in \[0, 1\] and got \[200, 200\]"),
        (torch.full((2, 3, 32, 32), torch.nan), ValueError, "holds NaN"),
    ],
)
def test_tensors_that_are_no_x_are_refused_with_the_line_to_write(x, error, says) -> None:
    with pytest.raises(error, match=says):
        check_x(x, (3, 32, 32))
    with pytest.raises(error, match=says):
        small_vae((3, 32, 32), (3, 32, 32)).encode(x)


def test_pictures_unlike_their_space_are_refused() -> None:
    layout = FrameLayout.of(gym.spaces.Box(0, 255, (32, 48, 3), np.uint8))
    turned = np.zeros((1, 48, 32, 3), np.uint8)
    with pytest.raises(ValueError, match=r"says pictures of shape \(32, 48, 3\).*\(1, 48, 32, 3\)"):
        layout.frames(turned)
    with pytest.raises(ValueError, match=r"of one picture give picture\[None\]"):
        layout.x(turned[0].transpose(1, 0, 2))


@pytest.mark.parametrize("algorithm", [PPO, SAC])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_trains_predicts_saves_and_loads(
    kind: str, algorithm: Any, tmp_path: Any
) -> None:
    shown = KINDS[kind]
    native = (CHANNELS[shown.kind], *shown.sides)
    vae = small_vae(frame_shape(native), native, shown.top)
    env = Still(shown.space, shown.observation)
    env.action_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    kwargs = policy_kwargs(vae, standardise=False, net_arch=[4], stacked=shown.stack)
    model = algorithm("CnnPolicy", env, policy_kwargs=kwargs, seed=0, **SETTINGS[algorithm])
    model.learn(16)
    model.save(tmp_path / "model.zip")
    loaded = algorithm.load(tmp_path / "model.zip")
    seen = model.get_env().reset()
    before, after = (m.predict(seen, deterministic=True)[0] for m in (model, loaded))
    assert np.array_equal(before, after)
    latent_env = LatentVecEnv(
        DummyVecEnv([lambda: env]), vae, standardise=False, stacked=shown.stack
    )
    over = algorithm("MlpPolicy", latent_env, seed=0, **SETTINGS[algorithm]).learn(16)
    joined = to_image_policy(over, buffer_size=1) if algorithm is SAC else to_image_policy(over)
    codes, pictures = latent_env.reset(), joined.get_env().reset()
    acted = over.predict(codes, deterministic=True)[0]
    np.testing.assert_allclose(
        joined.predict(pictures, deterministic=True)[0],
        acted,
        atol=1e-5 if not vae.config.native else 0.05,
    )
