"""What the VAEs of a study are called in its rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from bvae_rl.agents.mend import SUFFIX
from bvae_rl.agents.methods import MethodInputs, choose_latents, method
from bvae_rl.agents.trained_by import hardened_by
from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import read_config


def keyed(
    vaes: Sequence[str], seeds: Sequence[int], *, latents: str | None, per_seed: bool
) -> dict[str, list[MethodInputs]]:
    """The VAEs of each seed, by what their rows are called.

    That says which latents are seen; the VAE's name is added where that does not tell them apart.
    """
    found = [
        MethodInputs(vae=vae, latents=choose_latents(vae, latents), vae_seed=seed_of(vae))
        for vae in map(find_vae, vaes)
    ]
    keys = [_key(inputs) for inputs in found]
    if per_seed:
        if len({*keys}) > 1:
            raise ValueError(f"the VAEs of one method need the same latents, got {keys}")
        return {keys[0]: found}
    if len({*keys}) < len(keys):
        names = names_apart([inputs.vae for inputs in found if inputs.vae])
        keys = [f"{key}-{name}" for key, name in zip(keys, names, strict=True)]
    return {key: [inputs] * len(seeds) for key, inputs in zip(keys, found, strict=True)}


def seed_of(vae: Path) -> int:
    """The seed that a VAE's folder was trained with; 0 where it does not say."""
    return int(read_config(vae).get("training", {}).get("seed") or 0)


def names_apart(folders: Sequence[Path]) -> list[str]:
    """The names of ``folders``; of those that share one, with as many folders around them as tell
    them apart. ValueError for one that is given twice.
    """
    places = [Path(os.path.abspath(folder)).parts[1:] for folder in folders]
    if len({*places}) < len(places):
        raise ValueError(f"give each VAE to compare once, got {', '.join(map(str, folders))}")
    names = [place[-1] for place in places]
    for depth in range(2, max(map(len, places)) + 1):
        names = [
            "-".join(place[-depth:]) if names.count(name) > 1 else name
            for name, place in zip(names, places, strict=True)
        ]
    return names


def _key(inputs: MethodInputs) -> str:
    """What rows call the method on this VAE: which latents, and whether it is hardened."""
    key = method("bvae", inputs.latents).key
    training = {} if inputs.vae is None else read_config(inputs.vae).get("training", {})
    return f"{key}{SUFFIX}" if hardened_by(training) else key
