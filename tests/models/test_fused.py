"""Encoding bytes by the fused first layers gives what the plain encoder gives."""

from __future__ import annotations

import copy
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn

from bvae_rl.data.pictures.frame_layout import frames_to_x
from bvae_rl.models.fused import FusedEncoder
from bvae_rl.models.networks import EncoderName
from bvae_rl.models.vae import BetaVAE, VAEConfig


def plain(vae: BetaVAE, frames: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return vae.encode(frames_to_x(frames))[0].numpy()


def small(encoder: EncoderName, shape: tuple[int, int, int]) -> BetaVAE:
    torch.manual_seed(0)
    config = VAEConfig(shape=shape, latent_dim=5, channels=(8, 16, 8), hidden=16, encoder=encoder)
    return BetaVAE(config).eval()


@pytest.mark.parametrize("encoder", get_args(EncoderName))
@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 32, 48), (4, 48, 32)])
def test_bytes_are_encoded_as_by_the_plain_encoder(
    shape: tuple[int, int, int], encoder: EncoderName
) -> None:
    vae = small(encoder, shape)
    channels, height, width = shape
    frames = np.random.default_rng(0).integers(0, 256, (7, height, width, channels), np.uint8)
    codes = vae.encode_frames(frames)
    assert codes.dtype == np.float32 and np.abs(codes).max() > 0.01
    np.testing.assert_allclose(codes, plain(vae, frames), atol=1e-5, rtol=0)
    assert np.array_equal(vae.encode_frames(frames), codes)  # to the bit
    backwards = vae.encode_frames(frames[::-1, :, ::-1])
    np.testing.assert_allclose(
        backwards, plain(vae, frames[::-1, :, ::-1].copy()), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("encoder", get_args(EncoderName))
def test_codes_follow_the_weights_however_they_are_changed(encoder: EncoderName) -> None:
    vae = small(encoder, (3, 32, 32))
    frames = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    before = vae.encode_frames(frames)
    twin = copy.deepcopy(vae)
    first = next(vae.encoder.parameters())
    first.data.mul_(2.0)  # as Polyak averaging does, unseen by version counters
    moved = vae.encode_frames(frames)
    assert np.abs(moved - before).max() > 1e-3
    np.testing.assert_allclose(moved, plain(vae, frames), atol=1e-5, rtol=0)
    assert np.array_equal(twin.encode_frames(frames), before)
    vae.load_state_dict(twin.state_dict())
    assert np.array_equal(vae.encode_frames(frames), before)


def test_an_encoder_that_begins_otherwise_gets_pixels_divided_by_255() -> None:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(64, 2))
    frames = torch.randint(0, 256, (3, 1, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        assert torch.equal(FusedEncoder().run(encoder, frames), encoder(frames / 255.0))
