"""bvae-rl evaluate: what is scored, written and said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factor_wrapper import FactorWrapper
from bvae_rl.data.factors import FactorSpec, known_specs, require_factor_env
from bvae_rl.data.frame_store import Frames
from bvae_rl.data.probe_sets import FrameGroups, fixed_factor_groups, probe_set
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts import collect
from bvae_rl.scripts.common import EnvArgs
from bvae_rl.scripts.evaluate import command as evaluate
from bvae_rl.scripts.evaluate import held as evaluate_held
from bvae_rl.scripts.evaluate import more as evaluate_more
from bvae_rl.scripts.evaluate import sampled as evaluate_sampled
from bvae_rl.scripts.held_frames import HeldFrames
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.training.train_config import TrainConfig

QUICK = TrainConfig(batch_size=16, warmup=2, log_freq=5, save_freq=5)
STATE = ("shoulder", "elbow", "target_x", "target_y")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two VAEs of PlanarReach, with groups of latents and without."""
    root = tmp_path_factory.mktemp("made")
    collect.main(
        collect.Args(
            out=root / "frames", frames=512, policy="independent", views=2, domain="pretrain"
        )
    )
    for name, objective in (("pairs", "pairs"), ("plain", "beta")):
        pretrain.main(
            pretrain.Args.of(
                root / "frames", out=root / name, objective=objective, steps=10, train=QUICK,
                channels=(8, 8, 8), hidden=16, content_dim=4, style_dim=2,
            )
        )  # fmt: skip
    return root


class Counted:
    """``fixed_factor_groups``, and which groups were drawn."""

    def __init__(self) -> None:
        self.pairs: list[bool] = []

    def __call__(self, *args: Any, pairs: bool, **more: Any) -> FrameGroups:
        self.pairs.append(pairs)
        return fixed_factor_groups(*args, pairs=pairs, **more)


def without_read(env: gym.Env) -> FactorWrapper:
    """Factors that can be set and are not told while it acts."""
    specs = require_factor_env(env).factor_specs
    return FactorWrapper(
        env, specs, sample=lambda env, rng: env.unwrapped.sample_factors(rng),
        set=lambda env, factors: env.unwrapped.set_factors(factors),
    )  # fmt: skip


class Silent(PlanarReach):
    """PlanarReach whose info says nothing."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return super().reset(seed=seed, options=options)[0], {}

    def step(self, action: Any) -> Any:
        return *super().step(action)[:4], {}


def test_factors_that_are_not_told_in_play_cost_the_on_policy_column_alone(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gym.register("test/Silent-v0", Silent, max_episode_steps=50)
    try:
        world = EnvArgs("test/Silent-v0", wrappers=(f"{__name__}:without_read",))
        scoring = evaluate.ScoreArgs((), replicates=0, fit_steps=5)
        args = evaluate.Args(
            str(made / "pairs"), world=world, samples=200, references=False, out=tmp_path,
            scoring=scoring,
        )  # fmt: skip
        assert list(evaluate.main(args).scores) == ["pairs"]
    finally:
        del gym.registry["test/Silent-v0"]
    assert "does not tell its factors while it acts; FactorWrapper" in capsys.readouterr().out


def test_evaluate_scores_the_vae_beside_references(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = evaluate.main(
        evaluate.Args(
            str(made / "pairs"), domain="pretrain", samples=400, on_policy=900, out=tmp_path,
            scoring=evaluate.ScoreArgs(fit_steps=20, replicates=10),
        )
    )  # fmt: skip
    assert list(result.scores) == [
        "pairs", "pairs, on-policy", "untrained", "pca", "shuffled", "true factors"
    ]  # fmt: skip
    rows = {(row.method, row.metric): row.value for row in Run(tmp_path).rows()}
    assert rows["pairs", "mig/mean"] == pytest.approx(result.scores["pairs"].all.mig.score)
    assert ("pairs/content", "leak/arm_colour") in rows
    assert ("pca/content", "leak/arm_colour") not in rows
    assert "MIG" in capsys.readouterr().out
    assert (tmp_path / "heatmap.png").exists()


def test_evaluate_sets_vaes_side_by_side(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluate_more, "GROUPS", 60)
    monkeypatch.setattr(evaluate_more, "TESTED", 100)
    args = evaluate.Args(
        str(made / "pairs"), compare=(str(made / "plain"),), domain="pretrain", samples=300,
        on_policy=100, references=False, out=tmp_path,
        scoring=evaluate.ScoreArgs(
            ("all", "factor_vae", "beta_vae"), ("ood1", "ood2"), replicates=0, fit_steps=5
        ),
    )  # fmt: skip
    result = evaluate.main(args)
    assert list(result.scores) == ["pairs", "plain"]
    domains = [f"generalisation/{domain}" for domain in ("pretrain", "ood1", "ood2")]
    state = [f"{one}/{name}" for one in domains for name in STATE]
    assert set(result.metrics) == {
        f"{name}/{metric}"
        for name in ("pairs", "plain")
        for metric in ("factor_vae", "beta_vae", "udr", *domains, *state)
    }
    of_factors = [result.metrics[f"pairs/{domains[2]}/{name}"] for name in STATE]
    assert result.metrics[f"pairs/{domains[2]}"] == pytest.approx(np.mean(of_factors))
    stored = json.loads((tmp_path / "scores.json").read_text())
    kept = {f"{row.method}/{row.metric}": row.value for row in Run(tmp_path).rows()}
    assert kept.items() >= result.metrics.items()
    assert stored["more"] == result.metrics and set(stored) == {"pairs", "plain", "more"}
    said = capsys.readouterr().out
    assert "on-policy frames are not scored: 100 are of 2 episodes" in said
    assert "explicitness" in said and "pairs/udr: " in said
    (line,) = (line for line in said.splitlines() if line.startswith("pairs in ood2 "))
    assert line.split()[3:] == [f"{value:.3f}" for value in (np.mean(of_factors), *of_factors)]
    monkeypatch.setattr(evaluate_more, "fixed_factor_groups", counted := Counted())
    scoring = evaluate.ScoreArgs(("factor_vae", "beta_vae"), replicates=0, fit_steps=5)
    asked = replace(args, compare=(), on_policy=0, scoring=scoring, out=tmp_path / "ours")
    ours = evaluate.main(asked).scores["pairs"]
    assert counted.pairs == [False], "one draw for both scores"
    published = replace(asked, scoring=replace(scoring, published=True), out=tmp_path / "published")
    theirs = evaluate.main(published).scores["pairs"]
    assert counted.pairs == [False, False, True], "the BetaVAE score was published on pairs"
    # ten batches leave no latent active by our rule; as published all count that are not constant
    assert (ours.active_latents, theirs.active_latents) == (0, 6)
    with pytest.raises(ValueError, match="unknown metric 'migg'; known: mig_quantile"):
        evaluate.main(replace(args, scoring=evaluate.ScoreArgs(("migg",))))
    with pytest.raises(ValueError, match="each VAE to compare once"):
        evaluate.main(replace(args, compare=(args.vae,)))


def test_other_domains_may_vary_other_appearance_factors() -> None:
    env, other = "bvae_rl/MiniGrid-Empty-5x5-v0", "ood1:colours+texture"
    worlds = EnvArgs(env=env)
    names = [
        [spec.name for spec in known_specs(worlds.config(domain).make())]
        for domain in ("source", other)
    ]
    assert len(names[0]) < len(names[1])
    scoring = evaluate.ScoreArgs((), other_domains=(other,), fit_steps=5)
    probe = probe_set(worlds.config("source").make(), 64, seed=0)
    vae = BetaVAE(VAEConfig(latent_dim=2, channels=(8, 8, 8), hidden=16)).eval()
    found = evaluate_more.generalised(
        {"vae": vae}, probe, evaluate.Args(domain="source", scoring=scoring, world=worlds),
        tested=32,
    )  # fmt: skip
    state = [name for name in names[0] if not name.endswith("colour")]
    assert set(found) == {
        f"vae/generalisation/{domain}{name}"
        for domain in ("source", other)
        for name in ("", *(f"/{name}" for name in state))
    }


def test_factors_that_are_no_rows_of_numbers_are_not_scored_on_policy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Wordy(PlanarReach):
        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            return super().reset(seed=seed, options=options)[0], {"factors": {"elbow": 1.0}}

    gym.register("test/Wordy-v0", Wordy)
    try:
        assert evaluate_sampled._on_policy(EnvConfig("test/Wordy-v0"), evaluate.Args()) is None
    finally:
        del gym.registry["test/Wordy-v0"]
    assert "test/Wordy-v0 does not tell its factors while it acts" in capsys.readouterr().out


def test_frames_of_which_no_factor_can_be_scored_are_refused_with_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    frames = np.zeros((40, 8, 8, 3), np.uint8)
    lost = Frames(frames, np.arange(40), np.arange(40), np.full((40, 1), np.nan))
    held = HeldFrames(lost, (FactorSpec("x"),))
    with pytest.raises(ValueError, match="no factor of these frames can be scored"):
        evaluate_held.scored(evaluate.Args(), {}, held, lambda code: pytest.fail("too late"))
    assert "not scored: x (not finite in 40 of 40 frames)" in capsys.readouterr().out
