"""Environments that tell their factors and cannot set them: everything is scored, and says so."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import matplotlib.figure
import numpy as np
import pytest

from bvae_rl.data.factor_wrapper import FactorWrapper, settable_env
from bvae_rl.data.factors import READ_ON_POLICY
from bvae_rl.data.frame_store import Frames
from bvae_rl.data.probe_sets import known_set, probe_set
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.report.tables import representation
from bvae_rl.runtime.runs import Run
from bvae_rl.sb3 import Probe
from bvae_rl.scripts import collect, show
from bvae_rl.scripts.common import EnvArgs
from bvae_rl.scripts.evaluate import command as evaluate
from bvae_rl.scripts.evaluate import more as evaluate_more
from bvae_rl.scripts.evaluate import on_policy as evaluate_on_policy
from bvae_rl.scripts.visualize import command as visualize


def told(env: gym.Env) -> gym.Env:
    """A world of ours that only tells its factors."""
    specs = env.get_wrapper_attr("factor_specs")
    return FactorWrapper(env, specs, read=lambda env: env.unwrapped.factors())


TOLD = EnvArgs("bvae_rl/PlanarReach-v0", wrappers=(f"{__name__}:told",))
SCORING = evaluate.ScoreArgs(("factor_vae",), fit_steps=5, replicates=0)


@pytest.fixture
def vae(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(evaluate_more, "GROUPS", 30)
    monkeypatch.setattr(evaluate_more, "TESTED", 60)
    monkeypatch.setattr(evaluate_on_policy, "PLAYED_FOR_PCA", 60)
    for name in ("vae", "other"):
        config = VAEConfig(shape=(3, 64, 64), latent_dim=3, channels=(4, 4, 4), hidden=8)
        BetaVAE(config).save(tmp_path / name)
    return "vae"


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written into every figure that is saved."""
    seen: list[str] = []
    save = matplotlib.figure.Figure.savefig

    def saved(figure: matplotlib.figure.Figure, *args: object, **kwargs: object) -> None:
        seen.append(figure.get_supxlabel())
        save(figure, *args, **kwargs)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", saved)
    return seen


def test_evaluate_scores_what_a_policy_met_and_says_so(
    vae: str, texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    args = evaluate.Args(
        vae, world=TOLD, domain="ood1", compare=("other",), on_policy=200,
        scoring=replace(SCORING, other_domains=("ood2",)),
    )  # fmt: skip
    result = evaluate.main(args)
    assert list(result.scores) == [
        "vae, on-policy", "other, on-policy", "untrained", "pca", "shuffled", "true factors"
    ]  # fmt: skip
    scores = result.scores["vae, on-policy"]
    assert scores.samples == 200 and scores.all.factors[0] == "shoulder"
    read = [f"generalisation/{domain}" for domain in ("ood1", "ood2")]
    factors = ("shoulder", "elbow", "target_x", "target_y")
    state = [f"{one}/{name}" for one in read for name in factors]
    assert set(result.metrics) == {
        f"{name}, on-policy/{metric}"
        for name in ("vae", "other")
        for metric in ("factor_vae", "udr", *read, *state)
    }
    said = capsys.readouterr().out
    assert "cannot set them: scored on 200 frames of a random policy" in said
    assert f"- {READ_ON_POLICY}\n" in said and "MLP-probe R2 shoulder" in said
    assert json.loads((result.out / "evaluation.json").read_text())["factors_read"] == "on-policy"
    assert json.loads((result.out / "scores.json").read_text())["note"] == READ_ON_POLICY
    assert texts == ["factors read on-policy: they are correlated"]
    rows = Run(result.out).rows()
    table = representation(rows)[0]
    assert f"vae, on-policy, other, on-policy: {READ_ON_POLICY}." in table.note
    assert READ_ON_POLICY not in representation([r for r in rows if r.method == "pca"])[0].note


def test_a_factor_that_changes_in_one_episode_is_left_out_and_named(
    vae: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def rare(env: gym.Env, n: int, *, seed: int) -> Frames:
        frames = known_set(env, n, seed=seed)
        frames.factors[:, 2] = frames.episode == 0
        return frames

    monkeypatch.setattr(evaluate_on_policy, "known_set", rare)
    scoring = replace(SCORING, metrics=())
    args = evaluate.Args(vae, world=TOLD, on_policy=100, references=False, scoring=scoring)
    scores = evaluate.main(args).scores["vae, on-policy"]
    assert "target_x (changes in too few of the episodes" in capsys.readouterr().out
    assert scores.all.factors == ("shoulder", "elbow", "target_y")


def test_the_same_settings_where_factors_can_be_set_say_nothing_of_it(
    vae: str, texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    args = evaluate.Args(
        vae, world=replace(TOLD, wrappers=()), samples=100, on_policy=0, references=False,
        scoring=replace(SCORING, metrics=()),
    )  # fmt: skip
    result = evaluate.main(args)
    assert list(result.scores) == ["vae"] and texts == [""]
    assert "factors_read" not in json.loads((result.out / "evaluation.json").read_text())
    assert READ_ON_POLICY not in capsys.readouterr().out


def test_visualize_draws_the_heatmap_and_says_so(
    vae: str, texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    args = visualize.Args(vae, world=TOLD, domain="ood1", samples=100, film=False)
    assert visualize.main(args).pictures[0].name == "heatmap.png"
    assert READ_ON_POLICY in capsys.readouterr().out
    assert texts[0] == "factors read on-policy: they are correlated"


def test_frames_of_a_store_that_a_policy_met_say_so_too(
    vae: str, texts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for policy, note in (("random", READ_ON_POLICY), ("independent", "")):
        world = TOLD if policy == "random" else replace(TOLD, wrappers=())
        store = collect.main(
            collect.Args(Path(policy), world=world, frames=128, policy=policy, n_envs=1)
        ).store
        capsys.readouterr()
        texts.clear()
        args = evaluate.Args(vae, store=store.folder, references=False, scoring=SCORING)
        found = evaluate.main(replace(args, scoring=replace(SCORING, metrics=())))
        visualize.main(visualize.Args(vae, store=store.folder, samples=200, film=False))
        assert json.loads((found.out / "scores.json").read_text()).get("note", "") == note
        assert (READ_ON_POLICY in capsys.readouterr().out) == bool(note)
        assert texts.count(note.partition(";")[0]) >= 2


def test_show_says_that_states_cannot_be_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for world, said in ((TOLD, True), (replace(TOLD, wrappers=()), False)):
        show.main(show.Args(world, frames=1, out=tmp_path))
        assert ("read on-policy" in capsys.readouterr().out) == said


def test_a_probe_reads_them_on_policy(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("sklearn")
    with caplog.at_level(logging.WARNING):
        probe = Probe(told(PlanarReach()), n=40)
    assert READ_ON_POLICY in caplog.text
    assert probe.frames.episode.max() >= 19  # cut, to be of so many episodes
    caplog.clear()
    Probe(PlanarReach(), n=40)
    assert not caplog.text


def test_a_world_says_itself_that_it_cannot_be_set() -> None:
    class Fixed(PlanarReach):
        settable = False

    env, free = Fixed(), PlanarReach()
    assert settable_env(env) is None and settable_env(free) is free
    met, drawn = known_set(env, 40, seed=0), known_set(free, 40, seed=0)
    assert np.array_equal(drawn.factors, probe_set(free, 40, seed=0).factors)
    assert met.factors.shape == drawn.factors.shape and len(np.unique(met.episode)) == 20
    assert not np.array_equal(met.factors, drawn.factors)
