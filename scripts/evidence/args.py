"""The arguments of ``bvae-rl evidence``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from bvae_rl.scripts.common import EnvArgs
from bvae_rl.training.recipes.table import RECIPES


@dataclass(frozen=True)
class AgentArgs:
    """The agents, and where they act."""

    source: str = "source"
    """visual domain that agents train in"""
    target: tuple[str, ...] = ("ood1", "ood2")
    """visual domains that agents are evaluated in beside it"""
    total_timesteps: int = 100_000
    """environment steps of each agent; 0 trains none"""
    n_eval_episodes: int = 100
    """evaluation episodes, the same ones for every agent"""

    @property
    def domains(self) -> tuple[str, ...]:
        """Where agents are evaluated; nowhere if there are none."""
        return (self.source, *self.target) if self.total_timesteps else ()


@dataclass(frozen=True)
class Args:
    """Which recipes, how often, on what budget."""

    store: tyro.conf.Positional[Path]
    """frame store with two views and interventions (bvae-rl collect --policy independent --views 2
    --interventions N)"""
    recipes: tuple[str, ...] = tuple(RECIPES)
    """names of recipes, or of objectives as they come; plain_hardened has a last phase (bvae-rl
    harden) after plain, and plain_hardened:steps=4000,frequency=2 another one"""
    frames: tuple[str, ...] = ()
    """further frame stores as NAME=FOLDER, for rows such as plain:frames=NAME"""
    beside: tuple[str, ...] = ()
    """agents without a VAE in the table, as pixels pixels_randomised"""
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    """of VAE and agent; from five on intervals are given"""
    steps: int = 6_000
    """gradient steps of pretraining, on batches of 64 images"""
    equal_time: bool = False
    """fewer steps where they cost more, and the other way round (bvae-rl objectives)"""
    domain: str = "pretrain"
    """visual domain to score in: that of the store"""
    samples: int = 8_000
    """frames with independently sampled factors behind the scores"""
    fit_steps: int = 2_000
    """training steps of the MLP probe behind each R2"""
    known: tuple[Path, ...] = ()
    """results.json of earlier runs or other machines: what they hold of the same recipes and
    settings is taken from there, their other seeds too"""
    out: Path = Path("runs/evidence")
    """results go here; a killed run goes on there"""
    workers: int = 2
    """processes side by side, each with its share of the cores"""
    agents: AgentArgs = field(default_factory=AgentArgs)
    world: EnvArgs = field(default_factory=EnvArgs)
