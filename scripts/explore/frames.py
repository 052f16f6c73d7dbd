"""The frames that the explorer shows: an environment's, a store's, or what the decoder draws."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import READ_ON_POLICY, FactorSpec, known_specs
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.pictures.layouts import Wanted
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.models.vae import BetaVAE
from bvae_rl.scripts.common import EnvArgs, say
from bvae_rl.scripts.held_frames import on_policy_frames
from bvae_rl.scripts.stored_frames import open_shown, stored_frames
from bvae_rl.scripts.worlds import world_of
from bvae_rl.training.pictures.decoded import decode

DRAWN = 12  # frames that a decoder draws where there are none
FAULTS = (ValueError, TypeError, ImportError)


@dataclass(frozen=True)
class Shown:
    """``frames`` uint8 (N, H, W, C) with ``factors`` (N, K) of ``specs`` where they are known.

    ``source`` is a sentence on where they are from, ``note`` one on their factors. ``env`` and
    ``store`` are what they come from, None where it is not that. ``drawn``: the decoder made them.
    """

    frames: np.ndarray
    source: str
    factors: np.ndarray | None = None
    specs: tuple[FactorSpec, ...] = ()
    env: EnvConfig | None = None
    store: FrameStore | None = None
    note: str = ""
    drawn: bool = False

    def spread(self, most: int) -> np.ndarray:
        """Rows of up to ``most`` frames, spread over all."""
        count = len(self.frames)
        return np.linspace(0, count - 1, min(most, count)).round().astype(int)


def shown_env(args: Any, folder: Path, vae: BetaVAE) -> tuple[EnvConfig | None, str]:
    """The environment whose frames are shown: the one that is named, else that of ``vae``.

    None with ``args.store``, and where the VAE's own (in ``folder``) cannot be made here, with the
    reason. ValueError (TypeError, ImportError) for one that was named, or is needed.
    """
    if args.store is not None:
        return None, ""
    try:
        env = _config(args, world_of(folder, args.world, stored=True), vae)
        env.make().close()
    except FAULTS as error:
        return None, _borne(args, error)
    return env, ""


def _borne(args: Any, error: Exception) -> str:
    """Why there is no environment, where a page without one will do; else the error."""
    if args.world != EnvArgs() or args.domain is not None or args.agent is not None or args.domains:
        raise error
    reason = " ".join(str(error).split())
    say(f"without an environment: {reason}")
    return reason


def shown_frames(args: Any, vaes: Sequence[BetaVAE], env: EnvConfig | None, reason: str) -> Shown:
    """Up to ``args.samples`` frames that the ``vaes`` take: of ``args.store``, else of ``env``.

    Without one the decoder of the first VAE draws frames, and the page says the ``reason``.
    """
    if args.store is not None:
        return _stored(args, vaes)
    if env is not None:
        try:
            return _in_environment(args, env, vaes[0])
        except FAULTS as error:
            reason = _borne(args, error)
    return _imagined(vaes[0], reason, seed=args.seed)


def _config(args: Any, world: EnvArgs, vae: BetaVAE) -> EnvConfig:
    domain = args.domain
    own = vae.meta.get("training", {}).get("store") or {}
    if domain is None and own.get("env") and EnvArgs.of(own["env"]).name == world.name:
        domain = own.get("domain")  # all that it was trained to see
    if args.world.backend == "gymnasium":  # EnvPool's copies tell no factors
        world = replace(world, backend="gymnasium")
    return world.config(domain).seen_by(Wanted.of(vae))


def _in_environment(args: Any, env: EnvConfig, vae: BetaVAE) -> Shown:
    made = env.make()
    specs = known_specs(made)
    where = f"{EnvArgs.of(env.id).name}{f', domain {env.domain}' if env.domain else ''}"
    if settable_env(made) is not None:
        say(f"{args.samples} frames of {where}")
        probe = probe_set(made, args.samples, seed=args.seed)
        made.close()
        return Shown(
            probe.frames, f"Frames of {where}: independent states.", probe.factors, specs, env
        )
    made.close()
    say("frames of a random policy, which take a moment to collect")
    with tempfile.TemporaryDirectory() as folder:
        played = on_policy_frames(env, args.samples, seed=args.seed, out=Path(folder), vae=vae)
        frames, factors = np.array(played.frames), _factors(played, specs)
    note = READ_ON_POLICY if factors is not None else f"{where} tells no factors of its frames."
    source = f"Frames of {where}: a random policy acts."
    return Shown(frames, source, factors, specs if factors is not None else (), env, note=note)


def _factors(played: Frames, specs: Sequence[FactorSpec]) -> np.ndarray | None:
    return np.array(played.factors) if specs and played.factors is not None else None


def _stored(args: Any, vaes: Sequence[BetaVAE]) -> Shown:
    store = open_shown(args.store, vaes, args)
    held, _, text = stored_frames(store, vaes, most=args.samples)
    frames = held.frames
    factors = np.asarray(frames.factors) if held.labelled else None
    note = "" if held.labelled else "The store holds no factors."
    source = f"Frames of the store {store.folder.name}: {text}."
    if strange := _strange(store, vaes[0]):
        say(strange)
        source = f"{source} {strange}"
    return Shown(np.asarray(frames.frames), source, factors, held.specs, store=store, note=note)


def _strange(store: FrameStore, vae: BetaVAE) -> str:
    """A sentence where the frames are of another world than the VAE's training; else ""."""
    trained = vae.meta.get("training", {}).get("store") or {}
    own, other = (EnvArgs.of(meta.get("env", "")).name for meta in (trained, store.meta))
    if not trained or trained == store.identity() or ("env" in trained and own == other):
        return ""
    if not ("env" in trained and "env" in store.meta):
        return (
            "This VAE was trained on another store: if that one shows another world than this one, "
            "what the latents show here may mean nothing."
        )
    return (
        f"This VAE was trained on frames of {own}, and this store holds frames of {other}: what its"
        " latents show here may mean nothing."
    )


def _imagined(vae: BetaVAE, reason: str, *, seed: int) -> Shown:
    """Decoded from latents as they lay over the frames of the training."""
    known = vae.statistics()
    size = (DRAWN, vae.latent_dim)
    z = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    if known is not None:
        mean, std = known
        z = mean + std * z
    source = f"Drawn by the decoder, from random latents: no frames are at hand ({reason})."
    note = "No frames with known factors are at hand."
    return Shown(decode(vae, z), source, note=note, drawn=True)
