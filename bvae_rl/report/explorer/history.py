"""A training's history in the payload: what each kept snapshot makes of the same frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bvae_rl.data.factors import FactorSpec
from bvae_rl.report.explorer.factor_names import factor_entries
from bvae_rl.report.explorer.payload import packed

GREYS = 4  # grey levels that reconstructions are rounded to: they then take half of the space
POINTS = 200  # of a curve


@dataclass(frozen=True, eq=False)
class Moment:
    """The VAE after ``step`` batches: reconstructions uint8 (N, H, W, C) of the shown frames, KL
    (D,) in nats (entropy, if quantised), which latents are active (D,), and shares (D, K) of the
    factors' information, or None."""

    step: int
    decoded: np.ndarray
    kl: np.ndarray
    active: np.ndarray
    shares: np.ndarray | None


def history_entry(
    moments: Sequence[Moment],
    frames: np.ndarray,
    *,
    specs: Sequence[FactorSpec] = (),
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    about: str = "",
) -> dict[str, Any]:
    """``payload["history"]``: the ``frames`` (N, H, W, C) that are reconstructed, the ``moments``
    in order, ``curves`` of the log by name, each steps and values (M,), and ``about``, a sentence
    on whose history it is where that needs to be said.
    """
    shares = [one.shares for one in moments if one.shares is not None]
    decoded = np.stack([one.decoded for one in moments])  # (M, N, H, W, C)
    rounded = np.minimum(GREYS * np.round(decoded / GREYS), 255).astype(np.uint8)
    return {
        "steps": [one.step for one in moments],
        "frames": packed(frames, "u1"),
        "decoded": packed(rounded, "u1"),
        "kl": packed(np.stack([one.kl for one in moments]), "f4"),
        "active": packed(moments[-1].active, "u1"),
        "shares": packed(np.stack(shares), "f4") if len(shares) == len(moments) else None,
        "factors": factor_entries(specs),
        "curves": [
            {"name": name, "steps": _few(steps), "values": _few(values)}
            for name, (steps, values) in (curves or {}).items()
        ],
        **({"about": about} if about else {}),
    }


def _few(values: np.ndarray) -> list[float]:
    chosen = np.linspace(0, len(values) - 1, min(POINTS, len(values))).round().astype(int)
    return [float(value) for value in values[chosen]]
