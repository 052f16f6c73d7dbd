"""Any Dict observation: its pictures are encoded right, or it is refused; none is handed on raw."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.vec_env import DummyVecEnv

from bvae_rl.data.pictures.resize import convert_bytes, frame_shape
from bvae_rl.data.pictures.space import looks_like_a_picture
from bvae_rl.sb3 import LatentVecEnv
from tests.picture_cases import CHANNELS, CURES, Shown, Still, shown_pictures, small_vae


def parts() -> st.SearchStrategy[dict[str, Any]]:
    """What a Dict observation may hold: pictures (``Shown``), and spaces of anything else."""
    beside = st.sampled_from(
        [
            gym.spaces.Box(-1, 1, (3,), np.float32),
            gym.spaces.Box(-1, 1, (5, 7), np.float32),
            gym.spaces.Discrete(3),
            gym.spaces.MultiBinary(4),
        ]
    )
    return st.dictionaries(st.sampled_from("abcd"), st.one_of(shown_pictures(), beside), min_size=1)


@settings(max_examples=40, deadline=None)
@given(parts(), st.booleans())
def test_a_dict_is_encoded_right_or_refused_and_no_picture_is_handed_on(
    held: dict[str, Any], said: bool
) -> None:
    shown = {key: part for key, part in held.items() if isinstance(part, Shown)}
    space = gym.spaces.Dict({k: p.space if k in shown else p for k, p in held.items()})
    observation = {
        k: shown[k].observation if k in shown else part.sample() for k, part in space.spaces.items()
    }
    natives = {key: (CHANNELS[one.kind], *one.sides) for key, one in shown.items()}
    vaes = {
        key: small_vae(frame_shape(native), native, shown[key].top)
        for key, native in natives.items()
    }
    venv = DummyVecEnv([lambda: Still(space, observation)])
    first = next(iter(vaes.values()), small_vae((3, 32, 32), (3, 32, 32)))
    how: Any = {"stacked": {key: one.stack for key, one in shown.items()}} if said else {}
    try:
        latent_env = LatentVecEnv(venv, vaes if said else first, standardise=False, **how)
    except (TypeError, ValueError) as error:
        assert not (said and shown), error
        assert any(cure in str(error) for cure in (*CURES, "AddRenderObservation")), error
        return
    seen: Any = latent_env.observation_space
    assert not any(map(looks_like_a_picture, seen.spaces.values()))
    codes = latent_env.reset()
    assert set(codes) == set(held)
    for key, one in shown.items():
        vae = vaes[key] if said else first
        frames = convert_bytes(one.frames, vae.shape)
        expected = vae.encode_frames(frames).reshape(1, -1)
        atol = 2e-2 if one.scale != "bytes" or vae.config.native else 1e-5
        np.testing.assert_allclose(codes[key], expected, atol=atol, rtol=1e-2)
