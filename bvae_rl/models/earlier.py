"""What VAEs written before 0.1 called things, in today's words: folders and policies still load.

(Policies saved then name their extractor's class by where it stood: ``bvae_rl/plug.py``.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIELDS = {"latents": "latent_dim", "s": "recon_weight"}  # of VAEConfig
GROUPS = {"look": "style"}  # of latents
PAIRS = {"looks": "views", "actuators": "interventions"}
REMOVED = {"coordinates"}  # encoders that brought nothing: docs/networks.md
OBJECTIVES = {"crossed": "cross_reconstruction", "crossed_ae": "cross_reconstruction_ae"}


def model_in_todays_words(model: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a ``VAEConfig``, whenever they were written."""
    found = {FIELDS.get(name, name): value for name, value in model.items()}
    if groups := found.get("groups"):
        found["groups"] = {GROUPS.get(name, name): ends for name, ends in groups.items()}
    return found


def refuse_removed(encoder: str) -> str:
    """``encoder``, or a ValueError for one that this version no longer builds."""
    if encoder in REMOVED:
        raise ValueError(
            f"the encoder {encoder!r} is not built any more, as it scored no better than "
            "'space_to_depth' and was slower (docs/networks.md); pretrain again without --encoder, "
            "or use this VAE with the bvae_rl that wrote it"
        )
    return encoder


def in_todays_words(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a VAE's ``config.json``, whenever it was written."""
    found = {**stored, "model": model_in_todays_words(stored["model"])}
    if training := stored.get("training"):
        found["training"] = _training(training)
    hardened = stored.get("hardened") or {}
    if "columns" in hardened and "active" not in hardened:
        active = [i for i in range(*hardened["columns"]) if hardened["std"][i] > 0.1]
        found["hardened"] = {**hardened, "active": active}
    return found


def _training(training: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(training)
    if model := training.get("model"):
        found["model"] = model_in_todays_words(model)
    if "looks" in (store := training.get("store") or {}):
        found["store"] = {"domain" if k == "looks" else k: v for k, v in store.items()}
    if objective := training.get("objective"):
        pairs = objective.get("pairs")
        if isinstance(pairs, str) and pairs:
            pairs = "+".join(PAIRS.get(kind, kind) for kind in pairs.split("+"))
            objective = {**objective, "pairs": pairs}
        name = str(objective.get("name"))
        found["objective"] = {**objective, "name": OBJECTIVES.get(name, name)}
    if before := training.get("continued_from"):
        found["continued_from"] = _training(before)
    return found
