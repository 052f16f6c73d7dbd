"""Which of a command's default methods an environment can serve, and why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bvae_rl.agents.methods import MethodInputs, method
from bvae_rl.data.environments import EnvConfig
from bvae_rl.scripts.common import EnvArgs, command_for, free_folder


def require_vae(name: str, world: EnvArgs) -> NoReturn:
    """ValueError for a method or command that needs a VAE and has none: how to make one."""
    frames, vae = free_folder(Path("runs/frames")), free_folder(Path("runs/vae"))
    raise ValueError(
        f"{name} needs a VAE of {world.name}; make it with: "
        f"{command_for('collect', world=world, out=frames)} && "
        f"{command_for('pretrain', frames, out=vae)}; then add {vae}"
    )


def require_domains(world: EnvArgs, domains: Sequence[str]) -> None:
    """ValueError for an environment that does not draw all of ``domains``: what to write for it."""
    for domain in domains:
        try:
            world.config(domain).make().close()
        except (ValueError, TypeError) as error:  # TypeError: no argument of that name
            takes_none = isinstance(error, TypeError) or isinstance(error.__cause__, TypeError)
            if not takes_none or not _is_known(world):
                raise
            raise ValueError(
                f"{world.name} has no visual domains; transfer needs an environment that draws its "
                f"states in {len(domains)} of them, here {', '.join(domains)} (--source and "
                "--target name others): change its pictures, --wrappers bvae_rl:VariedEnv --target "
                "colour light, or write a function with_looks(env, domain=None) that changes what "
                "is drawn, and add --wrappers my_module:with_looks; without domains, compare "
                f"agents: {command_for('compare', world=world)}"
            ) from error


def _is_known(world: EnvArgs) -> bool:
    try:
        world.config().make().close()
    except ValueError:
        return False
    return True


def possible(
    names: Sequence[str], env: EnvConfig, world: EnvArgs, inputs: MethodInputs, *, vae: bool
) -> tuple[tuple[str, ...], list[str]]:
    """Those of ``names`` that can be trained in ``env``, and a line about each of the others.

    ``vae`` says whether a VAE is named. ValueError if none can.
    """
    kept: list[str] = []
    reasons: dict[str, list[str]] = {}
    for name in names:
        row = method(name)
        try:
            if row.needs == "vae":
                if not vae:
                    require_vae(name, world)
            else:
                row.check(env, inputs)
        except (ValueError, TypeError) as error:
            reasons.setdefault(str(error), []).append(name)
        else:
            kept.append(name)
    left_out = [f"without {' and '.join(those)}: {why}" for why, those in reasons.items()]
    if not kept:
        raise ValueError(
            f"{world.name} can serve none of the methods {', '.join(names)}: {'; '.join(left_out)}"
        )
    return tuple(kept), left_out
