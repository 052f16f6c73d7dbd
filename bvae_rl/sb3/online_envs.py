"""The environments of codes that fine-tuning has to keep in step: training's and evaluations'.

Where the encoder moves, every one of them encodes with the new weights, its codes are named anew,
and the agent's last observation is encoded once more (trap 30).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_wrapper
from torch import Tensor

from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3.check_codes import check_codes
from bvae_rl.sb3.copies import same_weights
from bvae_rl.sb3.latent_env import LatentVecEnv
from bvae_rl.sb3.taken import TakenEncoder


class LatentEnvs:
    """``training``, the ``LatentVecEnv`` of ``model``, and those among ``evaluations``.

    ``vae``: what is to be fine-tuned.

    Raises ValueError where they encode with something else, and where a wrapper above changes the
    codes, which then could not be renewed.
    """

    def __init__(
        self,
        model: BaseAlgorithm,
        training: LatentVecEnv,
        evaluations: Iterable[VecEnv],
        *,
        vae: BetaVAE,
    ) -> None:
        self._model, self.training = model, training
        mine = training.vae
        if not isinstance(mine, BetaVAE) or mine.config != vae.config:
            differ = "config" if isinstance(mine, BetaVAE) else f"type ({type(mine).__name__})"
            raise ValueError(
                "LatentVecEnv must encode with the VAE to fine-tune, and the two differ in "
                f"{differ}"
            )
        if (n := training.frame_stack) > 1:
            raise ValueError(
                f"codes of frame_stack={n} observations are not renewed when the encoder moves; "
                f"stack the pictures below: LatentVecEnv(VecFrameStack(venv, {n}), vae)"
            )
        if not _same(training.encode(training.raw), model._last_obs):
            raise ValueError(
                "a wrapper above LatentVecEnv changes its observations, which cannot be renewed "
                "when the encoder moves; put VecNormalize(norm_obs=True) or VecFrameStack below it"
            )
        self._all = [training, *self._over_latents(evaluations)]

    def _over_latents(self, evaluations: Iterable[VecEnv]) -> Iterator[LatentVecEnv]:
        for env in evaluations:
            latent = unwrap_vec_wrapper(env, LatentVecEnv)
            if latent is None:
                raise ValueError(
                    "the agent is trained on codes, and an environment for evaluation is no "
                    f"LatentVecEnv; wrap it: {self.training.made_by()}"
                )
            check_codes(self._model, env)
            yield latent

    def check_in_step(self, weights: Mapping[str, Tensor]) -> None:
        """Raise a ValueError if the training's environment does not encode with ``weights``."""
        assert isinstance(self.training.vae, BetaVAE)
        if not same_weights(self.training.vae.encoder.state_dict(), weights):
            raise ValueError(
                "LatentVecEnv must encode with the VAE to fine-tune: give both the same one; to go "
                "on with a saved run, give LatentVecEnv the vae-STEP beside its model"
            )

    def write(self, weights: Mapping[str, Tensor], trained: BetaVAE) -> None:
        """Encode with ``weights`` from now on; a whole VAE gets the decoder of ``trained``, too."""
        for env in self._all:
            assert isinstance(env.vae, BetaVAE)
            env.vae.encoder.load_state_dict(weights)
            if not isinstance(env.vae, TakenEncoder):
                env.vae.decoder.load_state_dict(trained.decoder.state_dict())
        self.name(None)
        self._model._last_obs = self.training.encode(self.training.raw)

    def name(self, folder: Path | None) -> None:
        """Name the codes as they are; ``folder``: where their VAE has been saved, if it has."""
        for env in self._all:
            env.renew(folder)
        # a model that was loaded has an observation space of its own
        self.training.rename(self._model.observation_space)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return isinstance(b, dict) and all(_same(a[key], b.get(key)) for key in a)
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, atol=1e-5))
