"""One way from an observation to x, whatever the order, the scale and the stack."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch

from bvae_rl.data.pictures.frame_layout import (
    FrameLayout,
    check_unit_range,
    frames_to_x,
    x_to_frames,
)

HEIGHT, WIDTH = 32, 48
SHAPE = (3, HEIGHT, WIDTH)


def box(*shape: int, dtype: type = np.uint8, high: float = 255) -> gym.spaces.Box:
    return gym.spaces.Box(0, high, shape, dtype)


@pytest.fixture
def frames() -> np.ndarray:
    """(B, H, W, C); every pixel differs from its neighbours, and sides differ in length."""
    return np.random.default_rng(0).integers(0, 256, (2, HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture
def x(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames.astype(np.float32).transpose(0, 3, 1, 2) / np.float32(255))


def test_every_form_of_a_picture_gives_the_same_x(frames, x):
    scaled = frames.astype(np.float32)
    forms = {
        "bytes, channels last": (box(HEIGHT, WIDTH, 3), frames),
        "bytes, channels first": (box(3, HEIGHT, WIDTH), frames.transpose(0, 3, 1, 2)),
        "bytes upside down in memory": (box(HEIGHT, WIDTH, 3), frames[:, ::-1].copy()[:, ::-1]),
        "float to 1": (box(HEIGHT, WIDTH, 3, dtype=np.float32, high=1), scaled / 255),
        "float to 255": (box(HEIGHT, WIDTH, 3, dtype=np.float32), scaled),
    }
    for name, (space, observations) in forms.items():
        layout = FrameLayout.of(space, shape=SHAPE)
        assert layout.stack == 1
        assert torch.equal(layout.x(observations), x), name
        assert np.array_equal(layout.frames(observations), frames), name
        assert np.array_equal(layout.all_frames(observations), frames), name


def test_values_that_were_divided_before_stay_as_they_are(x):
    layout = FrameLayout.of(box(3, HEIGHT, WIDTH), shape=SHAPE)
    assert torch.equal(layout.x(x, scaled=True), x)


@pytest.mark.parametrize("channels_first", [False, True])
def test_a_stack_gives_its_frames_oldest_first(frames, channels_first):
    axis = 1 if channels_first else -1
    order = (0, 3, 1, 2) if channels_first else (0, 1, 2, 3)
    older = 255 - frames
    stacked = np.concatenate([older.transpose(order), frames.transpose(order)], axis=axis)
    layout = FrameLayout.of(box(*stacked.shape[1:]), shape=SHAPE)
    assert layout.stack == 2
    expected = np.stack([older, frames], axis=1).reshape(-1, HEIGHT, WIDTH, 3)
    assert np.array_equal(layout.all_frames(stacked), expected)
    assert np.array_equal(layout.frames(stacked), frames)
    assert torch.equal(layout.x(stacked), frames_to_x(expected))


def test_the_shape_of_a_vae_and_what_is_said_of_a_stack_decide_how_channels_are_read():
    space = box(HEIGHT, WIDTH, 3)
    assert FrameLayout.of(space, shape=SHAPE).stack == 1
    assert FrameLayout.of(space, shape=(1, HEIGHT, WIDTH)).stack == 3  # as saved policies leave it
    with pytest.raises(ValueError, match="stacked=3"):
        FrameLayout.of(space, shape=(1, HEIGHT, WIDTH), stacked=1)
    assert FrameLayout.of(space).shape == SHAPE
    assert FrameLayout.of(box(1, HEIGHT, WIDTH)) == FrameLayout((1, HEIGHT, WIDTH), True, 1, 255.0)
    with pytest.raises(ValueError, match="one RGBA picture or four grey frames"):
        FrameLayout.of(box(HEIGHT, WIDTH, 4))
    assert FrameLayout.of(box(HEIGHT, WIDTH, 4), stacked=1).shape == SHAPE
    assert FrameLayout.of(box(HEIGHT, WIDTH, 4), stacked=4).shape == (1, HEIGHT, WIDTH)


def test_frames_and_x_are_inverse_for_all_bytes():
    frames = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    assert np.array_equal(x_to_frames(frames_to_x(frames)), frames)
    assert x_to_frames(torch.tensor([-1.0, 2.0]).reshape(2, 1, 1, 1)).ravel().tolist() == [0, 255]


def test_single_channel_bytes_keep_their_place(frames):
    grey = frames[..., :1]
    layout = FrameLayout.of(box(HEIGHT, WIDTH, 1), shape=(1, HEIGHT, WIDTH))
    assert torch.equal(layout.x(grey)[:, 0], torch.from_numpy(grey[..., 0] / np.float32(255)))


@pytest.mark.parametrize(
    ("space", "error", "says"),
    [
        (
            gym.spaces.Dict(image=box(32, 32, 3)),
            ValueError,
            r"ResizeObservation\(env, \(32, 48\)\)",
        ),
        (gym.spaces.Dict(a=box(32, 48, 3), b=box(32, 48, 3)), ValueError, "several pictures"),
        (gym.spaces.Discrete(4), TypeError, "expected a picture"),
        (box(32, 32), ValueError, "it has 1 channels, the VAE's pictures 3"),
        (box(7, 7, 3), ValueError, "symbolic"),
        (box(WIDTH, HEIGHT, 3), ValueError, r"trained on .*\(3, 32, 48\).*\(48, 32, 3\)"),
        (box(HEIGHT, WIDTH, 4), ValueError, "trained on"),
        (box(HEIGHT, 3, WIDTH), ValueError, "trained on"),
        (
            gym.spaces.Box(-np.inf, np.inf, (HEIGHT, WIDTH, 3), np.float32),
            ValueError,
            r"\[-inf, inf\].*VecNormalize",
        ),
        (gym.spaces.Box(-1, 1, (HEIGHT, WIDTH, 3), np.float32), ValueError, "true bounds"),
    ],
)
def test_what_is_no_picture_for_this_vae_is_refused(space, error, says):
    with pytest.raises(error, match=says):
        FrameLayout.of(space, shape=SHAPE)


@pytest.mark.parametrize(
    ("space", "cure"),
    [
        (box(7, 7, 3), "symbolic observations .* pixels=True"),
        (
            box(84, 84, 12),
            r"stack of frames; say how many: stacked=4 \(--stacked 4\) or stacked=12",
        ),
        (box(84, 84, 2), r"stacked=2 \(--stacked 2\)"),
        (box(80, 80, 4), r"stacked=1 \(--stacked 1\) or stacked=4"),
        (box(15, 80, 3), r"TransformObservation"),
    ],
)
def test_without_a_vae_what_may_be_read_in_two_ways_or_none_is_asked_for(space, cure):
    with pytest.raises(ValueError, match=cure):
        FrameLayout.of(space)


@pytest.mark.parametrize("bad", [-0.1, 1.1, np.nan])
def test_values_out_of_range_are_refused(bad):
    x = torch.full((2, 3, 4, 4), 0.5)
    check_unit_range(x)
    x[1, 2, 3, 3] = bad
    with pytest.raises(ValueError, match=r"pixels in \[0, 1\]|holds NaN"):
        check_unit_range(x)
    layout = FrameLayout.of(box(HEIGHT, WIDTH, 3, dtype=np.float32, high=1), shape=SHAPE)
    picture = np.full((1, HEIGHT, WIDTH, 3), bad, np.float32)
    with pytest.raises(ValueError, match=r"pixels in \[0, 1\]|holds NaN"):
        layout.frames(picture)
