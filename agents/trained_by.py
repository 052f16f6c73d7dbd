"""What a VAE was trained by, in a few words, beside the scores of agents on its latents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bvae_rl.training.story import supervised, trainings

INTERVENED, ALL_FACTORS, AS_SHOWN = "own actions", "all factors", "as its frames show"
PLAIN = ("beta", "beta-vae")  # what "Beta-VAE" says already, today and in older configs


def trained_by(
    training: Mapping[str, Any], latents: str, taught: Mapping[str, Any] | None = None
) -> str:
    """What a VAE was trained by, as its config tells, and which latents are seen.

    ``training``: its ``meta["training"]``.
    ``taught``: that of the teacher that it was hardened from, where known.
    """
    hardened = hardened_by(training)
    if hardened and not (taught and taught is not training):
        return f"{hardened}, {latents} latents"
    objective = (taught or training).get("objective") or {}
    name = objective.get("name", "unknown objective").replace("_", "-")
    frames = (objective.get("pairs") or "single frames").replace("+", " and ")
    by = "" if name in PLAIN else f"{name} "
    return f"{by}on {frames}, {latents} latents{hardened and f', {hardened}'}"


def hardened_by(training: Mapping[str, Any]) -> str:
    """The changes of appearance that a VAE was hardened against, "" where it was not."""
    against = (training.get("objective") or {}).get("against") or ()
    return f"hardened against {', '.join(against)}" if against else ""


def domains_of(meta: Mapping[str, Any]) -> str:
    """The visual domains of all frames behind an encoder of that ``meta``, the oldest first."""
    past = [*trainings(meta)][::-1]
    named = [(one.get("store") or {}).get("domain") or AS_SHOWN for one in past]
    return ", then ".join(dict.fromkeys(named)) or AS_SHOWN


def labels_of(meta: Mapping[str, Any], pairs: str) -> str:
    """What it was told of them beside the pixels; "" for nothing. ``pairs``: of its frames."""
    if any(map(supervised, trainings(meta))):
        return ALL_FACTORS
    return INTERVENED if "interventions" in pairs.split("+") else ""
