"""The arguments of ``bvae-rl visualize``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from bvae_rl.plots.style import PAGE
from bvae_rl.scripts.common import EnvArgs


@dataclass(frozen=True)
class Args:
    """Which VAE, on which frames."""

    vae: tyro.conf.Positional[str] = "reach_crossed"
    """a VAE's folder, a shipped name (reach_crossed, car_racing, ...) or a Hub id"""
    domain: str | None = None
    """visual domain to draw from; the heatmap leaves out what does not vary in it"""
    store: Path | None = None
    """frames of a store (bvae-rl import, collect), instead of an environment's"""
    agent: Path | None = None
    """folder of a trained agent whose episode is shown; by default a random policy acts"""
    beside: tuple[str, ...] = ()
    """further VAEs of the same frames, whose rate and distortion stand beside this one's"""
    out: Path | None = None
    """folder of the pictures; default runs/pictures/NAME-ENV-DOMAIN"""
    format: Literal["png", "pdf"] = "png"
    """pdf: for a paper, of vectors with embedded fonts, --width inches wide"""
    width: float | None = None
    """inches of each picture, from 3 on; by default what it takes, with pdf 6.9: both columns of a
    page. Films stay as they are"""
    film: bool = True
    """the traversals also as traversals.gif and traversals.mp4"""
    rrd: bool = False
    """the episode with its latents and factors also as episode.rrd, for the Rerun viewer (extra:
    rerun)"""
    samples: int = 4000
    """frames behind the heatmap and the traversals"""
    seed: int = 0
    """draws the frames and the episode"""
    world: EnvArgs = EnvArgs()

    @property
    def inches(self) -> float | None:
        """The width of each picture, or None: as it comes."""
        return self.width or (PAGE if self.format == "pdf" else None)
