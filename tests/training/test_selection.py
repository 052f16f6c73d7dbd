"""Which seed is kept: scores that are known beforehand, and the command that trains and chooses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bvae_rl.data.collecting.collect import collect, collect_independent
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import FactorSpec, require_factor_env
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.cli import main
from bvae_rl.scripts.held_frames import held_frames, probe_frames
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.scripts.pretrain import once, seeds
from bvae_rl.training.selection import (
    UNLABELLED,
    Candidate,
    Code,
    Selection,
    label_score,
    select,
    why,
)
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.verdict.words import outcome, sentences
from bvae_rl.training.watch import Collapsed
from tests.pretrain_cases import no_pictures

QUICK = TrainConfig(batch_size=16, warmup=2, log_freq=5, save_freq=5, validation=0.25)
SPECS = (FactorSpec("angle"), FactorSpec("place"), FactorSpec("hue", role="appearance"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    made = FrameStore(tmp_path_factory.mktemp("frames"))
    env = PlanarReach(size=32, domain="pretrain")
    made.declare(factor_specs=env.factor_specs, policy="independent")
    collect_independent(env, made, 1000, seed=0, views=2)
    return made


def settings(store: FrameStore, out: Path, **changed: object) -> pretrain.Args:
    args = pretrain.Args.of(
        store.folder, objective="beta", out=out, steps=10, content_dim=4, style_dim=2,
        channels=(8, 8, 8), hidden=16,
        seeds=3, workers=1, train=QUICK,
    )  # fmt: skip
    return args.but(**changed)


def code(mu: np.ndarray, *, content: slice | None = None, variance: float = 0.1) -> Code:
    return Code(mu, np.full(mu.shape, np.log(variance)), content)


def test_labels_judge_the_content_latents_by_the_state_factors() -> None:
    rng = np.random.default_rng(0)
    factors = rng.uniform(size=(2000, 3))
    noise = rng.normal(size=(2000, 3))
    truth = 4 * (factors - 0.5)
    assert label_score(code(truth), factors, SPECS, "mig") > 0.95
    assert label_score(code(noise), factors, SPECS, "mig") < 0.02
    assert label_score(code(truth), factors, SPECS, "r2", steps=200) > 0.95
    # the appearance factor stands among the content latents, where it is no matter, and the second
    # state factor does not: of two, one is found
    mixed = code(np.stack([truth[:, 0], truth[:, 2], truth[:, 1]], axis=1), content=slice(0, 2))
    assert label_score(mixed, factors, SPECS, "mig") == pytest.approx(0.5, abs=0.03)
    assert label_score(mixed, factors, SPECS, "r2", steps=200) == pytest.approx(0.5, abs=0.03)
    # a latent of no KL is not looked at: N(mu, 1) with mu about 0
    faint = Code(1e-3 * truth, np.zeros_like(truth))
    assert label_score(faint, factors, SPECS, "mig") == 0.0


def test_r2_is_tested_on_other_groups_than_it_was_fitted_on() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(50), 40)
    name = rng.normal(size=(50, 4))[group]  # names the group and says nothing of its factor
    factors = rng.uniform(size=(50, 1))[group]
    specs = (FactorSpec("place"),)
    assert label_score(code(name), factors, specs, "r2", steps=200) > 0.9
    assert label_score(code(name), factors, specs, "r2", group=group, steps=200) < 0.2


def test_labels_are_asked_for() -> None:
    z = code(np.zeros((10, 1)))
    with pytest.raises(
        ValueError, match="r2 needs frames with known factors; udr and independence do"
    ):
        label_score(z, None, (), "r2")
    with pytest.raises(
        ValueError, match="unknown criterion 'luck'; known: udr, independence, mig, r2"
    ):
        label_score(z, np.zeros((10, 3)), SPECS, "luck")


def test_the_reason_names_the_rest() -> None:
    three = [Candidate(f"seed-{n}", s, 3, 9.0, -1.0) for n, s in enumerate((0.2, 0.6, 0.4))]
    assert why(three, "udr") == (
        "seed-1 agrees best with the others: UDR 0.60, mean of 3 0.40, worst 0.20"
    )
    assert "not say which of them is better" in why(three[:2], "udr")
    assert "two seeds" not in why(three[:2], "mig")
    chosen = Selection("r2", "seed-1", "", 100, tuple(three))
    assert chosen.mean == pytest.approx(0.4) and chosen.spread == pytest.approx(0.4)


def test_udr_keeps_one_of_those_that_agree(
    store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice the same weights, and once others: the odd one out is not taken."""
    no_pictures(monkeypatch)
    frames = held_frames(store, validation=0.25).frames
    folders = {}
    for name, seed in (("odd", 1), ("a", 0), ("b", 0)):
        args = settings(store, tmp_path / name, seeds=1, seed=seed)
        vae = pretrain.main(args, on_progress=lambda fraction: None)
        list(vae.encoder.parameters())[-1].data[6:] = -4.0  # every latent says something
        vae.save(tmp_path / name)
        folders[name] = tmp_path / name
    chosen = select(folders, frames, by="udr")
    scores = {one.name: one.score for one in chosen.candidates}
    assert chosen.best == "a" and scores["a"] == pytest.approx(scores["b"])
    assert scores["odd"] < scores["a"]
    agreement = np.array(chosen.agreement)
    assert agreement[1, 2] > agreement[0, 1] and (agreement.diagonal() == 0).all()
    with pytest.raises(ValueError, match="99 held-out frames are too few"):
        select(
            folders, Frames(frames.frames[:99], frames.episode[:99], frames.state[:99]), by="udr"
        )


def test_independence_keeps_the_one_whose_latents_tell_nothing_of_each_other(
    store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one VAE, a copy says with its second latent what it says with the first."""
    no_pictures(monkeypatch)
    frames = held_frames(store, validation=0.25).frames
    vae = pretrain.main(settings(store, tmp_path / "b", seeds=1), on_progress=lambda done: None)
    last = [layer for layer in vae.encoder if isinstance(layer, torch.nn.Linear)][-1]
    codes = torch.from_numpy(vae.posterior_frames(frames.frames)[0])
    last.weight.data[:6] *= (2 / codes.std(0))[:, None]  # every latent says something
    vae.save(tmp_path / "b")
    last.weight.data[1], last.bias.data[1] = -last.weight.data[0], last.bias.data[0]
    vae.save(tmp_path / "a")
    chosen = select({"a": tmp_path / "a", "b": tmp_path / "b"}, frames, by="independence")
    scores = {one.name: one.score for one in chosen.candidates}
    assert chosen.best == "b" and scores["b"] > scores["a"] + 0.1
    assert chosen.why.startswith("b has the most independent latents: independence")


@pytest.mark.usefixtures("pictures")
def test_the_best_seed_becomes_the_vae_and_nothing_is_trained_twice(
    store: FrameStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "vae"
    args = settings(store, out, select="mig", seeds=2)
    result = pretrain.main(args)
    said = capsys.readouterr().out
    kept = json.loads((out / "selection.json").read_text())
    scores = {one["name"]: one["score"] for one in kept["candidates"]}
    assert set(scores) == {"seed-0", "seed-1"}
    assert kept["best"] == max(scores, key=scores.__getitem__) and kept["by"] == "mig"
    assert kept["spread"] == pytest.approx(max(scores.values()) - min(scores.values()))
    best = out / kept["best"]
    for name in ("config.json", "model.safetensors", "log.csv", "traversals.png"):
        assert (out / name).read_bytes() == (best / name).read_bytes(), name
    assert BetaVAE.load(out).meta == result.meta
    assert kept["why"] in said and "MIG  " in said and "kept" in said
    assert outcome(result) in said and sentences(result)[0] in said  # the verdict on the chosen one
    stamps = {path: path.stat().st_mtime_ns for path in out.glob("seed-*/model.safetensors")}
    seen: list[float] = []
    pretrain.main(args.but(select="udr", seeds=3), on_progress=seen.append)
    assert len(stamps) == 2 and seen[-1] == 1.0 and sorted(seen) == seen
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
    again = json.loads((out / "selection.json").read_text())
    assert len(again["candidates"]) == 3 and np.shape(again["agreement"]) == (3, 3)


def test_a_seed_that_collapses_is_named_and_not_tried_again(
    store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    tried: list[int] = []
    train = once.train_once

    def collapsing(args: pretrain.Args, *, on_progress: Any) -> None:
        tried.append(args.seed)
        if args.seed in bad:
            raise Collapsed("no latent is active")
        train(args, on_progress=on_progress)

    monkeypatch.setattr(seeds, "train_once", collapsing)
    no_pictures(monkeypatch)
    bad = {1}
    for _ in range(2):
        pretrain.main(settings(store, tmp_path / "vae"))
    assert tried == [0, 1, 2, 0, 2]
    assert "diverged or collapsed" in capsys.readouterr().out
    kept = Run(tmp_path / "vae").read_json("selection.json")
    assert kept["failed"] == {"seed-1": "no latent is active"} and len(kept["candidates"]) == 2
    bad = {0, 1}
    with pytest.raises(
        ValueError, match=r"of 3 seeds 1 neither diverged nor collapsed.*no latent is active"
    ):
        pretrain.main(settings(store, tmp_path / "other"))


def test_labels_come_from_the_environment_if_the_store_has_none(tmp_path: Path) -> None:
    plain = FrameStore(tmp_path / "plain")
    env = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", domain="source")
    drawn = EnvConfig(env.id).make()
    source = require_factor_env(drawn)
    rng = np.random.default_rng(0)
    drawn.reset(seed=0)
    frames = np.stack([source.set_factors(source.sample_factors(rng)) for _ in range(600)])
    plain.append(Frames(frames, np.arange(600), np.arange(600)))
    args = settings(plain, tmp_path / "vae", select="mig")
    with pytest.raises(ValueError, match="take --select udr or independence, which need none"):
        pretrain.main(args)
    assert not (tmp_path / "vae").exists()
    for unlabelled in UNLABELLED:
        found = seeds.frames_to_judge(args.but(select=unlabelled), plain)
        assert found.labelled is False
    named = FrameStore(tmp_path / "named")
    named.declare(env=env.id, domain="source", wrappers=[])
    named.append(Frames(frames, np.arange(600), np.arange(600)))
    found = probe_frames(named, seed=0, most=50)
    assert found is not None and found.labelled and len(found.frames) == 50
    assert np.ptp(found.frames.factors[:, 4:], axis=0).max() == 0  # one appearance


def test_held_out_frames_know_who_belongs_together(store: FrameStore, tmp_path: Path) -> None:
    held = held_frames(store, validation=0.25)
    assert held.labelled and held.group is not None
    assert np.array_equal(held.group, held.frames.state)  # each state in two appearances
    assert len(held_frames(store, validation=0.25, most=30).frames) == 30
    acted = FrameStore(tmp_path)
    collect(EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0").vec(2, seed=0), acted, 128, seed=0)
    assert not held_frames(acted, validation=0.25).labelled  # nobody said what its factors mean


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--seeds", "0"], "seeds must be at least 1, got 0"),
        (["--seeds", "2", "--workers", "0"], "workers must be at least 1, got 0"),
        (["--seeds", "2", "--objective", "gan"], "unknown objective 'gan'"),
    ],
)
def test_mistakes_are_one_line(
    flags: list[str], message: str, store: FrameStore, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    argv = ["pretrain", str(store.folder), "--workers", "1", "--steps", "10", *flags]
    argv += ["--validation", "0.4"]  # enough to judge on
    assert main([*argv, "--out", str(tmp_path / "vae")]) == 2
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err


def test_pairs_cannot_go_on_from_a_code_without_groups(store: FrameStore, tmp_path: Path) -> None:
    args = settings(store, tmp_path, objective="swap", start=Path("reach_plain"), seeds=1)
    with pytest.raises(ValueError, match="at reach_plain has no groups; start from one"):
        pretrain.main(args)


def test_another_vae_is_not_overwritten(store: FrameStore, tmp_path: Path) -> None:
    pretrain.main(settings(store, tmp_path, seeds=1), on_progress=lambda fraction: None)
    with pytest.raises(ValueError, match="was not chosen from several seeds"):
        pretrain.main(settings(store, tmp_path))


def test_too_few_held_out_frames_are_told_before_anything_is_trained(
    store: FrameStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "vae"
    argv = ["pretrain", str(store.folder), "--seeds", "2", "--steps", "10", "--out", str(out)]
    assert main(argv) == 2
    assert "held-out frames are too few" in capsys.readouterr().err
    assert not list(out.glob("seed-*"))
