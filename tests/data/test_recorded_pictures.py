"""The picture in recorded observations: where it is, its channels, its size, and what is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from bvae_rl.data.readers.recorded_pictures import RecordedPicture

RNG = np.random.default_rng(0)
VECTOR = spaces.Box(-np.inf, np.inf, (27,), np.float64)


def pictures(*shape: int) -> spaces.Box:
    return spaces.Box(0, 255, shape, np.uint8)


def random_bytes(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


RGB, GREY = random_bytes(3, 32, 48, 3), random_bytes(3, 32, 48, 1)


@pytest.mark.parametrize(
    ("recorded", "expected", "channels"),
    [
        (RGB, RGB, None),
        (RGB.transpose(0, 3, 1, 2), RGB, None),
        (GREY, GREY, None),
        (GREY[..., 0], GREY, None),
        (GREY.transpose(0, 3, 1, 2), GREY, None),
        (np.concatenate([RGB[::-1], RGB], axis=-1), RGB, 3),  # a stack, the newest last
        (np.concatenate([GREY[::-1], GREY], axis=-1).transpose(0, 3, 1, 2), GREY, 1),
        (np.concatenate([GREY, GREY, GREY[::-1]], axis=-1), GREY[::-1], 1),
    ],
    ids=["RGB", "RGB first", "grey", "H x W", "grey first", "RGB stack", "grey stack", "grey of 3"],
)
def test_every_layout_gives_the_same_frames(
    recorded: np.ndarray, expected: np.ndarray, channels: int | None
) -> None:
    picture = RecordedPicture.of(pictures(*recorded.shape[1:]), channels=channels)
    assert np.array_equal(picture.frames(recorded), expected)
    assert picture.size == (32, 48)


@pytest.mark.parametrize("first", [False, True], ids=["channels last", "channels first"])
def test_resizing_averages_over_areas(first: bool) -> None:
    big = np.zeros((2, 192, 128, 3), np.uint8)
    big[:, ::2, ::2] = (200, 100, 40)  # one pixel of four
    big[1] = 255 - big[1]
    recorded = big.transpose(0, 3, 1, 2) if first else big
    picture = RecordedPicture.of(pictures(*recorded.shape[1:]), size=(96, 64))
    frames = picture.frames(recorded)
    assert frames.shape == (2, 96, 64, 3)
    assert (frames[0] == (50, 25, 10)).all()
    assert (frames[1] == (205, 230, 245)).all()


def test_large_pictures_are_made_smaller_where_no_size_is_asked_for() -> None:
    assert RecordedPicture.of(pictures(210, 160, 3)).size == (128, 98)
    assert RecordedPicture.of(pictures(84, 84)).size == (84, 84)


def test_grey_keeps_its_channel_when_resized() -> None:
    big = np.repeat(np.repeat(random_bytes(2, 48, 32), 3, axis=1), 3, axis=2)
    frames = RecordedPicture.of(pictures(144, 96), size=(48, 32)).frames(big)
    assert np.array_equal(frames[..., 0], big[:, ::3, ::3])


def test_the_only_picture_of_a_dict_is_found_and_several_need_a_key() -> None:
    space = spaces.Dict({"near": pictures(32, 48, 3), "grid": pictures(7, 7, 3), "pose": VECTOR})
    picture = RecordedPicture.of(space)
    assert picture.key == "near"
    assert np.array_equal(picture.frames({"near": RGB, "grid": random_bytes(3, 7, 7, 3)}), RGB)
    several = spaces.Dict({**space.spaces, "far": pictures(64, 64, 3)})
    with pytest.raises(ValueError, match=r"several pictures: \['far', 'near'\]; .*key="):
        RecordedPicture.of(several)
    assert RecordedPicture.of(several, key="far").size == (64, 64)


@pytest.mark.parametrize(
    ("space", "options", "message"),
    [
        (VECTOR, {}, r"no picture: Box \(27,\) float64; pictures are uint8"),
        (pictures(7, 7, 3), {}, r"no picture: Box \(7, 7, 3\) uint8; .*symbolic .* RGB wrapper"),
        (pictures(7, 7, 3), {"size": (64, 64)}, "symbolic observations"),
        (spaces.Box(0.0, 1.0, (64, 64, 3)), {}, r"Box \(64, 64, 3\) float32"),
        (pictures(64, 64, 4), {}, r"of a stack .* say how many channels"),
        (pictures(64, 64, 4), {"channels": 3}, "no picture"),
        (pictures(64, 64, 4), {"channels": 0}, "channels must be at least 1, got 0"),
        (pictures(64, 64, 3), {"size": (8, 64)}, r"size is \(H, W\), .* got \(8, 64\)"),
        (pictures(64, 64, 3), {"size": (64, 513)}, r"16 to 512 .* got \(64, 513\)"),
        (pictures(64, 64, 3), {"key": "image"}, "key='image' needs Dict observations"),
        (spaces.Dict({"pose": VECTOR}), {}, r"no key .* is a picture: pose \(Box \(27,\) float64"),
        (spaces.Dict({"pose": VECTOR}), {"key": "image"}, r"no key 'image' .* known: pose"),
        (spaces.Dict({"pose": VECTOR}), {"key": "pose"}, "key 'pose' of the observations is no"),
        (spaces.Discrete(7), {}, "no picture: Discrete"),
        (spaces.Tuple([pictures(64, 64, 3)]), {}, "no picture: Tuple"),
    ],
)
def test_what_is_no_picture_is_refused(
    space: spaces.Space[Any], options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        RecordedPicture.of(space, **options)


def test_observations_that_are_not_what_their_space_says_are_refused() -> None:
    picture = RecordedPicture.of(pictures(32, 48, 3))
    with pytest.raises(ValueError, match=r"uint8 \(48, 32, 3\), and .* says uint8 \(32, 48, 3\)"):
        picture.frames(RGB.transpose(0, 2, 1, 3))
    with pytest.raises(ValueError, match="the pictures are float64"):
        picture.frames(RGB / 255)
    with pytest.raises(ValueError, match="no key 'near'"):
        RecordedPicture.of(spaces.Dict({"near": pictures(32, 48, 3)})).frames({"far": RGB})
