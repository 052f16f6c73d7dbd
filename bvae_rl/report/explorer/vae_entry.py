"""One VAE in the payload: its sizes, its latents as a reader sees them, and its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bvae_rl.report.explorer.payload import DType, packed

LEAST_SHARE = 0.05  # of a factor's information, below which a latent is not named after it
HALVED_FROM = 16_384  # values: smaller arrays stay floats, which costs little and saves most error


def vae_entry(
    name: str,
    *,
    shape: tuple[int, int, int],
    latents: Sequence[Mapping[str, Any]],
    encoder: Sequence[Mapping[str, Any]],
    decoder: Sequence[Mapping[str, Any]],
    groups: Mapping[str, tuple[int, int]],
    likelihood: str,
    channel_order: str,
    about: str = "",
    half: Mapping[str, bool] | None = None,
) -> dict[str, Any]:
    """``shape`` (C, H, W); ``latents`` from ``latent_entries``; the networks as plain layers, in
    which ``weight``, ``bias`` and ``values`` are arrays (``models/layers.py``).

    ``half`` says of "encoder" and "decoder" whether half floats are exact enough for arrays
    of ``HALVED_FROM`` values or more; default: not.
    """
    half = half or {}
    return {
        "name": name,
        "shape": list(shape),
        "groups": {group: list(edges) for group, edges in groups.items()},
        "likelihood": likelihood,
        "channel_order": channel_order,
        "about": about,
        "latents": [dict(latent) for latent in latents],
        "weights": {
            "encoder": [_layer(layer, half.get("encoder", False)) for layer in encoder],
            "decoder": [_layer(layer, half.get("decoder", False)) for layer in decoder],
        },
    }


def latent_entries(
    names: Sequence[str],
    *,
    groups: Mapping[str, tuple[int, int]],
    mean: np.ndarray,
    std: np.ndarray,
    kl: np.ndarray,
    active: np.ndarray,
    shares: np.ndarray | None = None,
    factors: Sequence[str] = (),
    values: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """What is said of each of D latents, in their order.

    ``mean``, ``std``, ``kl`` (nats) and ``active`` are (D,); ``shares`` (D, K) of the information
    about each of the K ``factors``; ``values`` (D, V) of quantised latents. ``tracks`` is the
    factor of the largest share, with its ``share``, from 5% on.
    """
    group_of = {d: group for group, (start, stop) in groups.items() for d in range(start, stop)}
    entries = []
    for d, name in enumerate(names):
        entry: dict[str, Any] = {
            "index": d, "name": name, "group": group_of.get(d), "tracks": None, "share": None,
            "kl": float(kl[d]), "active": bool(active[d]), "mean": float(mean[d]),
            "std": float(std[d]),
        }  # fmt: skip
        if shares is not None and len(factors):
            best = int(np.argmax(shares[d]))
            if shares[d, best] >= LEAST_SHARE:
                entry |= {"tracks": factors[best], "share": float(min(1.0, shares[d, best]))}
        if values is not None:
            entry["values"] = sorted(float(value) for value in values[d])
        entries.append(entry)
    return entries


def _layer(layer: Mapping[str, Any], half: bool) -> dict[str, Any]:
    return {
        key: packed(value, _dtype(value, half)) if isinstance(value, np.ndarray) else value
        for key, value in layer.items()
    }


def _dtype(values: np.ndarray, half: bool) -> DType:
    return "f2" if half and values.size >= HALVED_FROM else "f4"
