"""A picture of an environment's frames in some visual domains, and a table of its factors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np

from bvae_rl.data.envpool.environments import NO_FACTORS
from bvae_rl.data.factor_wrapper import settable_env
from bvae_rl.data.factors import FactorSpec, known_specs
from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.plots import frame_sheet, png
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.common import EnvArgs, command_for, free_folder, say, wrote


@dataclass(frozen=True)
class Args:
    """Which environment, in which visual domains."""

    world: EnvArgs = EnvArgs()
    domain: tuple[str, ...] = ()
    """visual domains, one row of frames each; by default as the environment draws them"""
    frames: int = 10
    """frames in a row: with independently sampled factors, else one a step of a random policy"""
    seed: int = 0
    """draws the frames"""
    out: Path = Path("runs/show")
    """the picture goes here, named after the environment"""


@dataclass(frozen=True)
class Result:
    """The picture, and what varies in each row."""

    picture: Path
    specs: dict[str, tuple[FactorSpec, ...]]


def main(args: Args) -> Result:
    """Print the factors, write the picture."""
    if args.frames < 1 or args.seed < 0:
        raise ValueError(
            f"frames must be at least 1 and seed not negative, got {args.frames} and {args.seed}"
        )
    rows: dict[str, np.ndarray] = {}
    specs: dict[str, tuple[FactorSpec, ...]] = {}
    settable = True
    for domain in args.domain or (None,):
        name = domain or "frames"
        env = args.world.config(domain).make()
        specs[name] = known_specs(env)
        rows[name] = frames_of(env, args.frames, seed=args.seed)
        settable = settable and settable_env(env) is not None
        env.close()
    say(factor_table(args.world.name, specs) if any(specs.values()) else _unknown(args.world))
    if any(specs.values()) and not settable:
        say("states cannot be set to factors: these are read on-policy, and frames are of a policy")
    figure = frame_sheet(rows, title=args.world.name)
    path = Run(args.out).write_file(f"{_file_name(args.world.name)}.png", png(figure))
    wrote(path)
    for domain in args.domain or (None,):  # frames are collected in one domain
        out = free_folder(Path("runs/frames"))
        say(f"next: {command_for('collect', world=args.world, domain=domain, out=out)}")
    return Result(path, specs)


def frames_of(env: gym.Env, n: int, *, seed: int) -> np.ndarray:
    """``n`` frames, uint8 (n, H, W, C): independently sampled, or every step of a random policy."""
    if settable_env(env) is not None:
        return probe_set(env, n, seed=seed).frames
    layout = FrameLayout.of(env.observation_space)
    env.action_space.seed(seed)
    observation, _ = env.reset(seed=seed)
    seen = []
    for _ in range(n):
        seen.append(np.array(observation))
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            observation, _ = env.reset()
    return layout.frames(np.stack(seen))


def factor_table(name: str, specs: dict[str, tuple[FactorSpec, ...]]) -> str:
    """One line a factor: name, role, kind, range, and the rows that have it if not all do."""
    factors = {spec.name: spec for row in specs.values() for spec in row}
    lines = [f"{name}: {len(factors)} factors"]
    for spec in factors.values():
        having = [row for row, known in specs.items() if spec in known]
        only = "" if len(having) == len(specs) else f"  in {', '.join(having)}"
        line = f"  {spec.name:20} {spec.role:10} {spec.kind:12} {spec.range_text}{only}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def _unknown(world: EnvArgs) -> str:
    cure = NO_FACTORS if world.backend == "envpool" else "see bvae_rl.data.factor_wrapper"
    return f"{world.name} does not know its factors; {cure}"


def _file_name(env_id: str) -> str:
    return env_id.rpartition("/")[2].rpartition(":")[2]
