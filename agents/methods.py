"""The methods of a comparison: what an agent sees, as one row each.

A further method is one more row of ``ARMS``; nothing else changes. Every method states what it was
allowed to see (``Ledger``), which is printed beside each of its scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from stable_baselines3.common.vec_env import VecEnv

from bvae_rl.agents.true_state import blind_view, state_view
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.frame_layout import FrameLayout
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.pca import PCAEncoder
from bvae_rl.models.vae import BetaVAE, VAEConfig, read_config
from bvae_rl.sb3.latent_env import Encoder, LatentVecEnv

PCA_FRAMES, STATISTICS_FRAMES = 10_000, 2_000
ACTED = "own actions"  # what an encoder was told that was trained on interventions


class SavedEncoder(Encoder, Protocol):
    """An encoder that can be copied into an agent's folder; ``meta`` says how it came about."""

    meta: dict[str, Any]

    def save(self, folder: str | Path) -> Path: ...


@dataclass(frozen=True)
class MethodInputs:
    """Where the methods find their encoders: folders, so that it pickles.

    ``vae`` trained without pairs, ``vae_pairs`` with pairs and a ``content`` group, ``store``
    frames for PCA and for the statistics of an untrained encoder. ``vae_seed`` names the seed of
    the encoder, trained or not.
    """

    vae: Path | None = None
    vae_pairs: Path | None = None
    store: Path | None = None
    vae_seed: int = 0

    def require(self, name: str) -> Path:
        """The path called ``name``, or a ValueError that says what is missing."""
        path: Path | None = getattr(self, name)
        if path is None:
            raise ValueError(f"this method needs {name}, the path of {_WHAT[name]}; none was given")
        return path

    def identity(self, needs: Sequence[str]) -> dict[str, Any]:
        """What the named inputs contain, so that a changed encoder is noticed."""
        content: dict[str, Any] = {"vae_seed": self.vae_seed} if needs else {}
        for name in needs:
            path = self.require(name)
            if name == "store":
                store = FrameStore.existing(path)
                content[name] = {"frames": len(store), "meta": store.meta}
            else:
                content[name] = read_config(path)["weights_sha256"]
        return content


_WHAT = {
    "vae": "a VAE folder (bvae-rl pretrain)",
    "vae_pairs": "a pair-supervised VAE folder (bvae-rl pretrain)",
    "store": "a frame store (bvae-rl collect)",
}


@dataclass(frozen=True)
class SupervisionBudget:
    """What a method was allowed to see: printed beside each of its scores.

    ``pretrain_frames`` rendered for its encoder, ``env_steps`` of the agent, ``domain`` seen by
    encoder and agent, same-state pairs or not, and ``labels`` ("none" or what was told).
    """

    pretrain_frames: int
    env_steps: int
    domain: str
    paired: bool
    labels: str = "none"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a row."""
        return asdict(self)


@dataclass(frozen=True)
class Method:
    """One row of a comparison.

    ``observe`` turns the environment's VecEnv into what the agent sees; it gets the encoder that
    ``build`` made from ``inputs`` (only the named ``needs`` are read) and ``load`` reads back from
    the agent's folder, or None. ``train_looks`` replaces the visual domain for training only; the kinds
    of change behind a colon ("source:camera") stay.
    """

    name: str
    text: str
    observe: Callable[[VecEnv, SavedEncoder | None], VecEnv]
    policy: Literal["MlpPolicy", "CnnPolicy"] = "MlpPolicy"
    needs: tuple[str, ...] = ()
    build: Callable[[MethodInputs], SavedEncoder] | None = None
    load: Callable[[Path], SavedEncoder] | None = None
    train_domain: str | None = None
    paired: bool = False
    labels: str = "none"

    def check(self, env: EnvConfig) -> None:
        """Refuse a world whose observations are no pictures, where this method needs some."""
        if self.needs or self.policy == "CnnPolicy":
            FrameLayout.of(env.make().observation_space)

    def train_env(self, env: EnvConfig) -> EnvConfig:
        """The environment that this method trains in."""
        if self.train_domain is None:
            return env
        _, colon, kinds = (env.domain or "").partition(":")
        return env.with_domain(f"{self.train_domain}{colon}{kinds}")

    def budget(
        self, env: EnvConfig, encoder: SavedEncoder | None, *, env_steps: int
    ) -> SupervisionBudget:
        """What this method sees when it trains for ``env_steps`` in ``env``."""
        training = {} if encoder is None else encoder.meta.get("training", {})
        pretrain = training.get("store", {}).get("domain")
        domain = f"agent: {self.train_env(env).domain or 'as the environment draws them'}"
        if encoder is not None:
            domain = f"encoder: {pretrain or 'as its frames show'}; {domain}"
        frames = int(training.get("frames", 0))
        pairs = training.get("objective", {}).get("pairs") or ""
        labels = ACTED if "interventions" in pairs.split("+") else self.labels
        paired = self.paired or bool(pairs)
        return SupervisionBudget(frames, env_steps, domain, paired=paired, labels=labels)


def _state(venv: VecEnv, encoder: SavedEncoder | None) -> VecEnv:
    return state_view(venv)


def _blind(venv: VecEnv, encoder: SavedEncoder | None) -> VecEnv:
    return blind_view(venv)


def _pixels(venv: VecEnv, encoder: SavedEncoder | None) -> VecEnv:
    FrameLayout.of(venv.observation_space)  # a clear error where the observation is no picture
    return venv


def _encoded(venv: VecEnv, encoder: SavedEncoder | None, *, latents: str = "all") -> VecEnv:
    assert encoder is not None
    return LatentVecEnv(venv, encoder, latents=latents, standardise=True)


def _untrained(inputs: MethodInputs) -> BetaVAE:
    store = FrameStore.existing(inputs.require("store"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(inputs.vae_seed)
        vae = BetaVAE(VAEConfig(shape=store.shape)).eval()
    codes = vae.encode_frames(_some_frames(store, STATISTICS_FRAMES, seed=inputs.vae_seed))
    vae.meta = {
        "statistics": {"mean": codes.mean(0).tolist(), "std": codes.std(0).tolist()},
        "training": {"frames": len(codes), "store": store.meta, "steps": 0},
    }
    return vae


def _principal(inputs: MethodInputs) -> PCAEncoder:
    store = FrameStore.existing(inputs.require("store"))
    frames = _some_frames(store, PCA_FRAMES, seed=inputs.vae_seed)
    encoder = PCAEncoder.fit(frames, VAEConfig.latent_dim, seed=inputs.vae_seed)
    encoder.meta = {"training": {"frames": len(frames), "store": store.meta}}
    return encoder


def _trained(inputs: MethodInputs, *, name: str) -> BetaVAE:
    return BetaVAE.load(inputs.require(name))


def _some_frames(store: FrameStore, n: int, *, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).permutation(len(store))[:n]
    return np.array(store.array("frames")[np.sort(rows)])


METHODS: dict[str, Method] = {
    row.name: row
    for row in (
        Method("state", "true state factors", _state, labels="true state"),
        Method("blind", "own joints only, no picture", _blind, labels="own joints"),
        Method("pixels", "raw pixels, NatureCNN", _pixels, "CnnPolicy"),
        Method(
            "pixels_randomised", "raw pixels, NatureCNN, trained under random appearances (ood1)",
            _pixels, "CnnPolicy", train_domain="ood1",
        ),
        Method(
            "random", "untrained encoder, frozen",
            _encoded, needs=("store",), build=_untrained, load=BetaVAE.load,
        ),
        Method(
            "pca", "principal components",
            _encoded, needs=("store",), build=_principal, load=PCAEncoder.load,
        ),
        Method(
            "bvae", "Beta-VAE, no pairs, all latents",
            _encoded, needs=("vae",), build=partial(_trained, name="vae"), load=BetaVAE.load,
        ),
        Method(
            "bvae_pairs", "pair-supervised Beta-VAE, content latents",
            partial(_encoded, latents="content"), needs=("vae_pairs",),
            build=partial(_trained, name="vae_pairs"), load=BetaVAE.load, paired=True,
        ),
    )
}  # fmt: skip


def method(name: str) -> Method:
    """The row called ``name``, or a ValueError that lists the known ones."""
    if name not in METHODS:
        raise ValueError(f"unknown method {name!r}; known: {', '.join(METHODS)}")
    return METHODS[name]
