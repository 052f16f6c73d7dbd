"""Where an encoder of one's own computes, and what tells it from another one."""

from __future__ import annotations

import pickle

import numpy as np
import torch

from bvae_rl.sb3 import LatentVecEnv, OwnEncoder
from tests.own_encoder_cases import SHAPE, Convolutions
from tests.plug_cases import make_env, noise

FRAMES = noise(np.random.default_rng(0), 5)


def test_a_module_is_computed_where_it_was_and_loads_where_that_is_missing() -> None:
    encoder = OwnEncoder(Convolutions(), shape=SHAPE, width=6)
    assert encoder.device == "cpu"
    expected = encoder.encode_frames(FRAMES)
    for device in ("cpu", "cuda:99"):
        encoder.device = device  # as if it had been made there
        there = pickle.loads(pickle.dumps(encoder))
        assert there.device == "cpu" and np.array_equal(there.encode_frames(FRAMES), expected)


def test_weights_of_sixteen_bits_have_a_name_of_their_own() -> None:
    class Half(torch.nn.Module):
        def __init__(self, seed: int) -> None:
            super().__init__()
            torch.manual_seed(seed)
            self.layer = torch.nn.Linear(3 * 32 * 32, 4, dtype=torch.bfloat16)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x.flatten(1).to(torch.bfloat16))

    first, same, other = (OwnEncoder(Half(seed), shape=SHAPE, width=4) for seed in (0, 0, 1))
    assert first.fingerprint() == same.fingerprint() != other.fingerprint()
    assert LatentVecEnv(make_env(), first).reset().shape[1:] == (4,)
