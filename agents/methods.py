"""The methods of a comparison: what an agent sees, as one row each.

A further method is one more row of ``METHODS``; nothing else changes. Every method states what it
was allowed to see (``SupervisionBudget``), which is printed beside each of its scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.raw_pixels import pixels_view
from bvae_rl.agents.recolouring import RECOLOURINGS, Recolouring, colours_view
from bvae_rl.agents.trained_by import domains_of, labels_of, trained_by
from bvae_rl.agents.true_state import blind_view, state_view
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.models.pca import PCAEncoder
from bvae_rl.models.vae import BetaVAE, VAEConfig, read_config
from bvae_rl.runtime.seeded import seeded
from bvae_rl.sb3.latent_env import Encoder, LatentVecEnv
from bvae_rl.sb3.taken import find_encoder

PCA_FRAMES, STATISTICS_FRAMES = 10_000, 2_000


class SavedEncoder(Encoder, Protocol):
    """An encoder that can be copied into an agent's folder; ``meta`` says how it came about."""

    meta: dict[str, Any]

    def save(self, folder: str | Path) -> Path: ...


@dataclass(frozen=True)
class MethodInputs:
    """Where the methods find their encoders: folders, so that it pickles.

    ``vae`` is a VAE's folder, ``latents`` "all" or the group of it that agents see; ``store`` holds
    frames for PCA and for the statistics of an untrained encoder. ``vae_seed`` names the seed of
    the encoder, trained or not.
    """

    vae: Path | None = None
    store: Path | None = None
    vae_seed: int = 0
    latents: str = "all"

    def require(self, name: str) -> Path:
        """The path called ``name``, or a ValueError that says what is missing."""
        path: Path | None = getattr(self, name)
        if path is None:
            raise ValueError(f"this method needs {_WHAT[name]}; none was given")
        return path


_WHAT = {
    "vae": "a VAE's folder (bvae-rl pretrain) or a shipped name",
    "store": "a frame store (bvae-rl collect; --store)",
}


@dataclass(frozen=True)
class SupervisionBudget:
    """What a method was allowed to see: printed beside each of its scores.

    ``pretrain_frames`` rendered for its encoder, ``env_steps`` of the agent, ``domain`` seen by
    encoder and agent, whether the encoder was trained on pairs, the ``labels`` that were used
    ("none" or which), and what ``encoder`` was trained by.
    """

    pretrain_frames: int
    env_steps: int
    domain: str
    paired: bool
    labels: str = "none"
    encoder: str = "none"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a row."""
        return asdict(self)


@dataclass(frozen=True)
class Method:
    """One row of a comparison.

    ``view`` turns the environment's VecEnv into what the agent sees. Where ``build`` makes an
    encoder of ``inputs`` (of which only what it ``needs`` is read) and ``load`` reads it back from
    the agent's folder, the agent sees its ``latents`` instead. ``train_domain`` replaces the visual
    domain for training only; the variations behind a colon ("source:camera") stay. ``recolouring``
    is that of the pictures in training, evaluations show them clean.
    """

    name: str
    text: str
    view: Callable[[VecEnv], VecEnv] | None = None
    policy: Literal["MlpPolicy", "CnnPolicy"] = "MlpPolicy"
    needs: str = ""
    build: Callable[[MethodInputs], SavedEncoder] | None = None
    load: Callable[[Path], SavedEncoder] | None = None
    train_domain: str | None = None
    labels: str = "none"
    latents: str = "all"
    recolouring: Recolouring | None = None

    @property
    def key(self) -> str:
        """What rows of results call it: the name, and which latents if not all."""
        return self.name if self.latents == "all" else f"{self.name}-{self.latents}"

    def observe(self, venv: VecEnv, encoder: SavedEncoder | None, frame_stack: int = 1) -> VecEnv:
        """``venv`` as the agent sees it: the last ``frame_stack`` of whatever that is."""
        if encoder is not None:
            return LatentVecEnv(venv, encoder, latents=self.latents, frame_stack=frame_stack)
        assert self.view is not None, "a method has a view or an encoder"
        seen = self.view(venv)
        return VecFrameStack(seen, frame_stack) if frame_stack > 1 else seen

    def check(
        self, env: EnvConfig, inputs: MethodInputs, config: AgentConfig | None = None
    ) -> None:
        """Refuse a missing input, an environment that cannot show what this method sees, and
        settings of ``config`` that it cannot be trained with.
        """
        self.identity(inputs)
        if self.recolouring is not None and config is not None:
            self.recolouring.check(config)
        space = self._observations(env)
        if self.needs or self.policy == "CnnPolicy":
            FrameLayout.of(space)
        if self.needs == "store":  # its encoder takes time
            return
        try:
            shown = self.train_env(env).vec(1, seed=0)
        except TypeError as error:
            raise ValueError(
                f"Stable-Baselines3 cannot hold the observations of {env.id}, {space} ({error}); "
                "wrap the environment so that it shows a picture"
            ) from error
        try:
            self.observe(shown, self.build(inputs) if self.build else None, env.frame_stack).reset()
        finally:
            shown.close()

    def _observations(self, env: EnvConfig) -> gym.Space[Any]:
        """What the environment shows where this method trains; ValueError if it cannot be there."""
        try:
            made = self.train_env(env).make()
        except (ValueError, TypeError) as error:
            if self.train_domain is None:
                raise
            raise ValueError(
                f"{self.name} trains in the visual domain {self.train_domain}, and this "
                f"environment does not draw it: give it a wrapper that knows this domain, "
                f"--wrappers my_module:with_looks, or leave the method out ({error})"
            ) from error
        made.close()
        return made.observation_space

    def identity(self, inputs: MethodInputs) -> dict[str, Any]:
        """What the inputs of this method contain, so that a changed encoder is noticed."""
        if not self.needs:
            return {"recolouring": self.recolouring} if self.recolouring else {}
        path = inputs.require(self.needs)
        found: dict[str, Any] = {"vae_seed": inputs.vae_seed, "latents": self.latents}
        if self.needs == "vae":
            return {**found, "vae": read_config(path)["weights_sha256"]}
        return {**found, "store": FrameStore.existing(path).identity()}

    def train_env(self, env: EnvConfig) -> EnvConfig:
        """The environment that this method trains in."""
        if self.train_domain is None:
            return env
        _, colon, variations = (env.domain or "").partition(":")
        return env.with_domain(f"{self.train_domain}{colon}{variations}")

    def budget(
        self, env: EnvConfig, encoder: SavedEncoder | None, *, env_steps: int
    ) -> SupervisionBudget:
        """What this method sees when it trains for ``env_steps`` in ``env``."""
        domain = f"agent: {self.train_env(env).domain or 'as the environment draws them'}"
        domain += ", recoloured" if self.recolouring else ""
        if encoder is None:
            return SupervisionBudget(0, env_steps, domain, paired=False, labels=self.labels)
        training = encoder.meta.get("training", {})
        taught = (encoder.meta.get("hardened") or {}).get("training") or training  # its teacher's
        pairs = (taught.get("objective") or {}).get("pairs") or ""
        return SupervisionBudget(
            int(training.get("frames", 0)),
            env_steps,
            f"encoder: {domains_of(encoder.meta)}; {domain}",
            paired=bool(pairs),
            labels=labels_of(encoder.meta, pairs) or self.labels,
            encoder=trained_by(training, self.latents, taught)
            if self.needs == "vae"
            else self.text,
        )


def _untrained(inputs: MethodInputs) -> BetaVAE:
    store = FrameStore.existing(inputs.require("store"))
    with seeded(inputs.vae_seed):
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


def _trained(inputs: MethodInputs) -> SavedEncoder:
    return _saved(inputs.require("vae"))


def _saved(folder: Path) -> SavedEncoder:
    """A VAE, or an encoder that was taken out of an agent."""
    found = find_encoder(folder)
    assert isinstance(found, BetaVAE)
    return found


def _some_frames(store: FrameStore, n: int, *, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).permutation(len(store))[:n]
    return np.array(store.array("frames")[np.sort(rows)])


METHODS: dict[str, Method] = {
    row.name: row
    for row in (
        Method("state", "true state factors", state_view, labels="true state"),
        Method("blind", "own joints only, no picture", blind_view, labels="own joints"),
        Method("pixels", "raw pixels, NatureCNN", pixels_view, "CnnPolicy"),
        Method(
            "pixels_randomised", "raw pixels, NatureCNN, trained under random appearances (ood1)",
            pixels_view, "CnnPolicy", train_domain="ood1",
        ),
        *(
            Method(
                name, f"raw pixels, NatureCNN, recoloured in training by {how.by}",
                colours_view, "CnnPolicy", recolouring=how,
            ) for name, how in RECOLOURINGS.items()
        ),
        Method(
            "untrained", "untrained encoder, frozen",
            needs="store", build=_untrained, load=BetaVAE.load,
        ),
        Method(
            "pca", "principal components", needs="store", build=_principal, load=PCAEncoder.load
        ),
        Method("bvae", "Beta-VAE, frozen", needs="vae", build=_trained, load=_saved),
    )
}  # fmt: skip


def method(name: str, latents: str = "all") -> Method:
    """The row called ``name``, or a ValueError that lists the known ones.

    ``latents`` chooses what an agent sees of a VAE; other methods show all that they have.
    """
    if name not in METHODS:
        raise ValueError(f"unknown method {name!r}; known: {', '.join(METHODS)}")
    row = METHODS[name]
    return replace(row, latents=latents) if row.needs == "vae" else row


def choose_latents(vae: Path, latents: str | None) -> str:
    """``latents``, or by default "content" where the VAE in that folder has the group, else "all".

    ValueError for a group that it does not have.
    """
    groups = read_config(vae)["model"]["groups"]
    if latents is None:
        return "content" if "content" in groups else "all"
    if latents != "all" and latents not in groups:
        raise ValueError(
            f"the VAE at {vae} has no group of latents {latents!r}; choose one of: "
            f"{', '.join(['all', *groups])}"
        )
    return latents
