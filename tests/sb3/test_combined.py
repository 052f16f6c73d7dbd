"""Dict observations in numbers, and channel orders, which no observation space can tell."""

from __future__ import annotations

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.preprocessing import preprocess_obs

from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3 import BetaVAECombinedExtractor, policy_kwargs
from tests.plug_cases import CONFIG, PLAIN, make_vae, noise

PICTURE = gym.spaces.Box(0, 255, (3, 32, 32), np.uint8)
SPACE = gym.spaces.Dict(
    [
        ("wrist", PICTURE),
        ("arm", gym.spaces.Box(-1, 1, (2, 2), np.float32)),
        ("goal", gym.spaces.Discrete(3)),
        ("front", gym.spaces.Box(0, 255, (9, 32, 32), np.uint8)),  # three frames
        ("depth", gym.spaces.Box(0, 1, (32, 32, 3), np.float32)),
    ]
)


@pytest.fixture
def folder(tmp_path):
    return str(make_vae().save(tmp_path / "vae"))


@pytest.mark.parametrize(("latents", "width"), [("all", 4), ("content", 3), ("style", 1)])
def test_keys_are_concatenated_in_the_order_of_the_space(latents, width, folder):
    extractor = BetaVAECombinedExtractor(
        SPACE,
        config=CONFIG.to_dict(),
        checkpoint=folder,
        latents=latents,
        standardise=False,
        stacked={"front": 3},
    )
    assert extractor.features_dim == width + 4 + 3 + 3 * width + width
    frames = noise(np.random.default_rng(0), 10)  # (N, 32, 32, 3): for 2 observations
    wrist, depth, front = frames[:2], frames[2:4], frames[4:].reshape(2, 3, 32, 32, 3)
    joints = torch.arange(8.0).reshape(2, 2, 2) / 8
    observations = {
        "wrist": torch.from_numpy(wrist.transpose(0, 3, 1, 2)),
        "arm": joints,
        "goal": torch.tensor([2, 0]),
        "front": torch.from_numpy(front.transpose(0, 1, 4, 2, 3).reshape(2, 9, 32, 32)),
        "depth": torch.from_numpy(depth.astype(np.float32) / 255),
    }
    features = extractor(preprocess_obs(observations, SPACE))

    vae = make_vae()
    columns = vae.slice_of(latents)

    def codes(frames: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(vae.encode_frames(frames)[:, columns])

    expected = [
        codes(wrist),
        joints.reshape(2, 4),
        torch.tensor([[0.0, 0, 1], [1, 0, 0]]),
        *(codes(front[:, place]) for place in range(3)),  # the oldest first
        codes(depth),
    ]
    torch.testing.assert_close(features, torch.cat(expected, dim=1), atol=1e-5, rtol=1e-5)
    assert (features[0] - features[1]).abs().max() > 0.05


@pytest.mark.parametrize(
    ("space", "error", "says"),
    [
        (gym.spaces.Dict(arm=SPACE["arm"]), ValueError, r"none of the .*\['arm'\] is a picture"),
        (
            gym.spaces.Dict(front=PICTURE, grid=gym.spaces.Box(0, 255, (7, 7, 3), np.uint8)),
            ValueError,
            r"key 'grid'.*symbolic observations .*hold no picture.*keys=\('front',\)",
        ),
        (
            gym.spaces.Dict(front=gym.spaces.Box(0, 255, (4, 32, 32), np.uint8)),
            ValueError,
            r"\(3, 32, 32\); the observation space has shape \(4, 32, 32\)",
        ),
        (PICTURE, TypeError, "use BetaVAEExtractor"),
    ],
)
def test_spaces_that_do_not_fit_are_refused(space, error, says, folder):
    with pytest.raises(error, match=says):
        BetaVAECombinedExtractor(space, config=CONFIG.to_dict(), checkpoint=folder)


@pytest.mark.parametrize("bad", [float("nan"), 1.5, -0.5])
def test_values_that_are_no_pixels_are_refused_under_every_key(bad, folder):
    extractor = BetaVAECombinedExtractor(SPACE, config=CONFIG.to_dict(), checkpoint=folder)
    good = {key: torch.zeros(1, *space.shape) for key, space in SPACE.items()}
    good["goal"] = torch.zeros(1, 3)
    extractor(good)
    for key in ("wrist", "front", "depth"):
        pixels = good[key].clone()
        pixels.view(-1)[7] = bad
        with pytest.raises(ValueError, match=r"expects pixels in \[0, 1\] and got|holds NaN"):
            extractor(good | {key: pixels})


def test_another_channel_order_is_refused_unless_it_is_named(folder, tmp_path):
    for trained, refused in (("BGR", "RGB"), ("RGB", "BGR")):
        vae = BetaVAE(replace(CONFIG, channel_order=trained))
        vae.meta["statistics"] = PLAIN
        saved = vae.save(tmp_path / trained)
        with pytest.raises(
            ValueError, match=f"trained on {trained} pictures and would be shown {refused}"
        ):
            policy_kwargs(saved, channel_order=refused)
        kwargs = policy_kwargs(saved, channel_order=trained)
        assert kwargs["features_extractor_kwargs"]["config"]["channel_order"] == trained
    with pytest.raises(ValueError, match="trained on BGR pictures and would be shown RGB"):
        policy_kwargs(tmp_path / "BGR")  # RGB is what is assumed
