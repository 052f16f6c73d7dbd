"""The sentences and cures of the verdict follow the scores, and how the VAE was trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import bvae_rl
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.training.batches.pixel_weights import Weighting
from bvae_rl.training.verdict.words import cures_for, outcome, sentences
from tests.plug_cases import make_vae

SIDE, EPISODES, STEPS = 32, 8, 16
CONFIG = VAEConfig(shape=(3, SIDE, SIDE), latent_dim=6, channels=(8, 8, 8), hidden=16)


def said(
    scores: dict[str, float],
    *,
    weighting: Weighting | None = None,
    objective: str = "beta",
    trained_latents: int = 6,
    std: Sequence[float] | None = None,
    **options: Any,
) -> str:
    vae = BetaVAE(replace(CONFIG, groups={"content": (0, 4), "style": (4, 6)}))
    known = {
        "vae/pixel_variance": 0.1, "vae/explained": 0.9, "vae/active_latents": 6, "vae/beta": 1.0
    }  # fmt: skip
    vae.meta = {
        "scores": {"validation": {**known, **scores}},
        "training": {
            "steps": 5000,
            "objective": {"name": objective},
            "model": {"latent_dim": trained_latents},
            "weighting": None
            if weighting is None
            else {"kind": weighting.kind, "factor": weighting.factor},
        },
    }
    if std is not None:
        vae.meta["statistics"] = {"mean": [3.0] * len(std), "std": list(std), "kl": [4.5] * 6}
    return " ".join(sentences(vae, **options))


BOTH = {"vae/explained_motion": 0.1, "vae/explained_foreground": 0.7}


def test_cures_are_flags_that_change_something() -> None:
    assert (
        "What moves is missing. Try, into another folder: --weighting auto, more latents "
        "(--content-dim 8), longer (--steps 10000)."
    ) in said(BOTH)
    foreground = Weighting("foreground", 10.0)
    assert "--weighting foreground --weighting-factor 30" in said(BOTH, weighting=foreground)
    motion = {"vae/explained_motion": 0.1}  # the foreground cannot be told: weighing it is no use
    assert "--objective slow --weighting motion," in said(motion, weighting=foreground)
    assert " --weighting motion," in said(motion, objective="ada_gvae")
    assert "--objective" not in said(motion, objective="ada_gvae")
    few = said({**BOTH, "vae/active_latents": 1})
    assert "1 of 6 latents are active" in few and "--recon-weight 100" in few
    assert "--content-dim" not in few
    offset = said(BOTH, std=[0.01] * 6)  # a KL of means that are the same for all frames
    assert "0 of 6 latents are active" in offset and "--content-dim" not in offset
    assert "--content-dim 8" in said({**BOTH, "vae/active_latents": 1, "vae/beta": 0.0})
    cut = said(BOTH, trained_latents=32)  # idle ones were cut out, so that all of six are active
    assert "only 6 of 32 latents are active" in cut and "--content-dim" not in cut


def test_cures_are_written_as_arguments_in_python() -> None:
    text = said(BOTH, written="python")
    for argument in (
        'weighting="auto"', "VAEConfig(latent_dim=10, ...)", "steps=10000"
    ):  # fmt: skip
        assert argument in text
    assert "--" not in text
    assert 'recipe="slow", weighting="motion"' in said(
        {"vae/explained_motion": 0.1}, written="python"
    )


def test_what_is_said_follows_the_thresholds() -> None:
    kept = said({"vae/explained_motion": 0.51, "vae/missed_motion": 0.05})
    assert "Most of what moves is kept" in kept and "missing." not in kept
    assert "before the background, that is not known" in kept
    assert "What moves is missing" in said({"vae/explained_motion": 0.49})
    part = said({"vae/explained_foreground": 0.9, "vae/missed_foreground": 0.07})
    assert "Some of what stands before the background (7% of its places) is missing" in part
    both = said({"vae/explained_motion": -3.0, "vae/explained_foreground": 0.2})
    assert "nothing where something moves" in both
    assert "What moves and what stands before the background are missing" in both
    assert "a mean picture" not in both
    assert "one mean picture would do better" in said({"vae/explained": -0.1})


def test_vaes_without_the_scores_say_nothing_of_them() -> None:
    vae = BetaVAE(CONFIG)
    assert sentences(vae) == []
    shipped = bvae_rl.from_pretrained("reach_crossed")
    assert sentences(shipped) == []
    assert "evidence lower bound" in outcome(shipped)


def test_a_first_look_is_told_to_train_longer() -> None:
    vae = make_vae()
    vae.meta |= {"training": {"steps": 60}, "scores": {"validation": {"vae/active_latents": 4}}}
    assert cures_for(["motion"], vae)[0].flags == "--steps 24000"
