"""The arguments of ``bvae-rl explore``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from bvae_rl.scripts.common import EnvArgs


@dataclass(frozen=True)
class Args:
    """Which VAE, on which frames."""

    vae: tyro.conf.Positional[str] = "reach_crossed"
    """a VAE's folder, a shipped name (reach_crossed, car_racing, ...) or a Hub id"""
    beside: tuple[str, ...] = ()
    """further VAEs that take the same frames, to be shown beside it"""
    domain: str | None = None
    """visual domain of the frames; by default that of the VAE's training"""
    store: Path | None = None
    """frames of a store (bvae-rl import, collect), instead of an environment's"""
    agent: Path | None = None
    """folder of a trained agent whose episode is shown; by default a random policy acts"""
    domains: tuple[str, ...] = ()
    """visual domains with an episode each, all from the same start; by default source, ood1 and
    ood2, where the environment knows them"""
    steps: int = 100
    """environment steps of an episode, at most"""
    out: Path | None = None
    """the page, or its folder; default runs/explorer/NAME-ENV-DOMAIN/explorer.html"""
    samples: int = 2000
    """frames on which latents are measured"""
    frames: int = 24
    """frames to choose from in the page"""
    seed: int = 0
    """draws the frames"""
    serve: bool = False
    """serve the page on this machine (127.0.0.1 alone) until interrupted"""
    port: int = 0
    """with --serve: its port; 0 takes a free one"""
    world: EnvArgs = EnvArgs()
