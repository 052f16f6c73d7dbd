"""``bvae-rl evidence`` at toy size: units, resumption, table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from bvae_rl.agents import eval_plan
from bvae_rl.agents.methods import MethodInputs
from bvae_rl.agents.scores import scale_methods
from bvae_rl.agents.study import Job
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts import collect
from bvae_rl.scripts.common import EnvArgs
from bvae_rl.scripts.evidence import command as evidence
from bvae_rl.scripts.evidence.args import AgentArgs
from bvae_rl.scripts.evidence.tables import columns, seeds_of, table, unscored
from bvae_rl.scripts.evidence.units import batches, known_units, pretraining
from bvae_rl.scripts.study import EVALUATION_SEED
from bvae_rl.training.objectives.table import entry
from bvae_rl.training.recipes.table import recipe


@pytest.fixture(scope="module")
def args(tmp_path_factory: pytest.TempPathFactory) -> evidence.Args:
    root = tmp_path_factory.mktemp("evidence")
    frames = collect.Args(
        out=root / "frames",
        frames=600,
        interventions=96,
        policy="independent",
        views=2,
        domain="pretrain",
    )
    collect.main(frames, on_progress=lambda fraction: None)
    return evidence.Args(
        root / "frames", recipes=("plain", "views_interventions"), seeds=(1,), steps=12,
        samples=400, fit_steps=20, out=root / "out", workers=1,
        agents=AgentArgs(target=("ood1",), total_timesteps=1000, n_eval_episodes=2),
    )  # fmt: skip


def test_units_are_scored_and_acted_on(
    args: evidence.Args, capsys: pytest.CaptureFixture[str]
) -> None:
    result = evidence.main(args)
    table = capsys.readouterr().out
    assert "own single-action transitions" in table and "DCI disentanglement" in table
    page = (args.out / "evidence.md").read_text(encoding="utf-8")
    assert (
        "| MIG / R2 | shoulder | elbow |" in page
        and "| recipe | supervision | seeds | MIG |" in page
    )
    rows = {(row.method, row.metric, row.domain): row for row in result.rows}
    paired = rows["views_interventions", "mig/mean", "pretrain"]
    assert paired.vae_seed == 1 and 0.0 <= paired.value <= 1.0
    assert ("views_interventions/content", "leak/largest", "pretrain") in rows
    assert ("plain/content", "leak/largest", "pretrain") not in rows  # it has no groups
    for method in ("plain", "views_interventions", "state", "blind"):
        assert rows[method, "return", "ood1"].n == 2
    assert (args.out / "evidence.png").read_bytes().startswith(b"\x89PNG")
    vae = args.out / "views_interventions-seed1" / "vae"
    stamp = (vae / "model.safetensors").stat().st_mtime_ns
    assert len(evidence.main(args).rows) == len(result.rows)
    assert (vae / "model.safetensors").stat().st_mtime_ns == stamp


def test_what_is_known_is_not_run_again(
    args: evidence.Args, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = evidence.main(args)
    known = (args.out / "results.json",)
    again = evidence.main(replace(args, out=tmp_path / "again", known=known))
    assert "5 of 5 units are known already" in capsys.readouterr().out
    assert again.rows == first.rows and not (tmp_path / "again" / "plain-seed1").exists()
    other = replace(args, out=tmp_path / "other", known=known, samples=300, recipes=("plain",))
    other = replace(other, agents=AgentArgs(total_timesteps=0))
    assert evidence.main(other).rows != first.rows  # trained, not taken
    assert (tmp_path / "other" / "plain-seed1").exists()
    third = replace(other, seeds=(2,), known=(other.out / "results.json",), out=tmp_path / "third")
    assert {row.vae_seed for row in evidence.main(third).rows} == {1, 2}  # other seeds count too
    assert "| 1, 2 |" in (third.out / "evidence.md").read_text(encoding="utf-8")
    assert not (third.out / "plain-seed1").exists()
    with pytest.raises(ValueError, match="no results at nowhere"):
        evidence.main(replace(args, known=(Path("nowhere"),)))
    with pytest.raises(ValueError, match=r"is no results\.json of bvae-rl evidence"):
        evidence.main(replace(args, known=(args.out / "evidence.md",)))


def test_the_evaluation_seed_is_no_seed_of_a_training() -> None:
    assert EVALUATION_SEED not in range(1000)


def test_agents_whose_episodes_never_end_are_evaluated_for_a_while(
    args: evidence.Args, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[Job] = []
    monkeypatch.setattr(eval_plan, "longest_episode", lambda env: None)
    monkeypatch.setattr(
        evidence, "train_and_evaluate", lambda job, *rest, **how: trained.append(job)
    )
    run = Run(tmp_path)
    monkeypatch.setattr(evidence, "Run", lambda folder: SimpleNamespace(rows=lambda name: []))
    unit = SimpleNamespace(name="state", seed=1)
    evidence._agent(unit, "state", MethodInputs(), args, run, lambda done: None)  # type: ignore[arg-type]
    (job,) = trained
    assert job.config.eval_limit is not None and job.config.eval_limit.each == eval_plan.UNKNOWN


def test_an_unknown_recipe_is_refused(args: evidence.Args) -> None:
    with pytest.raises(ValueError, match=r"unknown recipe 'magic'; known: auto, plain, "):
        evidence.main(replace(args, recipes=("magic",)))


def test_agents_may_see_several_observations_of_the_frames_world(args: evidence.Args) -> None:
    evidence.check(replace(args, world=EnvArgs(frame_stack=3)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"samples": 0}, "samples must be at least 200, got 0"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"agents": AgentArgs(target=("foo",))}, "unknown visual domain 'foo'"),
        (
            {"world": EnvArgs(env="bvae_rl/PlanarPush-v0")},
            "shows --env bvae_rl/PlanarReach-v0, not",
        ),
        ({"seeds": ()}, "one recipe and one seed are the least"),
        ({"seeds": (1, 1)}, "each recipe and each seed is named once, got \\(1, 1\\)"),
        ({"recipes": ("slow",)}, "recipe slow: .* this store gives"),
    ],
    ids=str,
)
def test_what_would_fail_in_hours_fails_now(
    args: evidence.Args, changed: dict[str, object], message: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    if "recipes" in changed:
        frames = collect.Args(out=tmp_path / "frames", frames=600, policy="independent")
        collect.main(frames, on_progress=lambda fraction: None)
        changed = {**changed, "store": frames.out}
    with pytest.raises(ValueError, match=message):
        evidence.main(replace(args, out=out, **changed))  # type: ignore[arg-type]
    assert not out.exists()


def test_a_score_that_is_missing_has_a_reason(args: evidence.Args) -> None:
    def row(method: str, metric: str, value: float) -> Row:
        return Row(
            study="s", method=method, algo="ppo", env="e", agent_seed=1, domain="ood1",
            metric=metric, value=value, n=2, command="",
        )  # fmt: skip

    rows = [row("state", "return", -5.0), row("blind", "return", -4.0)]
    (words,) = unscored(rows, ["ood1"])
    assert words.startswith("no scores in ood1: the true-state agent's return (-5.00) is not above")
    at_random = replace(row("random_policy", "return", -3.0), agent_seed=None)
    (words,) = unscored([rows[0], at_random], ["ood1"])
    assert "agents that see nothing (random_policy -3.00)" in words
    assert unscored([*rows, row("plain", "score", 0.5)], ["ood1"]) == []


def test_without_proprioception_there_is_no_blind_agent() -> None:
    assert scale_methods(EnvArgs().config()) == ("state", "blind")
    assert scale_methods(EnvArgs(env="bvae_rl/MiniGrid-Empty-5x5-v0").config()) == ("state",)


def test_objectives_are_recipes_on_all_pairs_that_there_are(args: evidence.Args) -> None:
    pairs = {
        name: pretraining(recipe(name), 0, args, Path()).loss.pairs
        for name in ("darla", "ada_gvae", "swap", "views_interventions")
    }
    assert pairs.pop("ada_gvae") == "views+interventions" and set(pairs.values()) == {None}


def test_equal_time_means_fewer_batches_of_costly_objectives(args: evidence.Args) -> None:
    timed = replace(args, steps=1900, equal_time=True)
    assert batches(recipe("darla"), timed) == round(1900 / entry("darla").cost) < 1900
    assert batches(recipe("darla"), replace(args, steps=1900)) == 1900


def test_the_results_of_the_documentation_are_read() -> None:
    folder = Path(__file__).parents[2] / "docs" / "results"
    rows = {
        path.stem: Run(folder).rows(path.name)
        for path in folder.glob("representation*.json")
        if path.stem != "representation_tuning"
    }
    assert len(rows) == 9
    recipes = ("plain", "views", "views_interventions", "views_beta0")
    values = columns(rows["representation"], recipes, ("ood1",))
    assert {len(of_recipe["plain"]) for name, of_recipe in values.items() if name != "leak"} == {5}
    lines = table(values, seeds_of(rows["representation"], recipes))
    assert lines[3][:4] == [
        "views_interventions", "one state in two appearances; own single-action transitions",
        "10 to 14", "0.58 [0.51, 0.66]",
    ]  # fmt: skip
    assert len(known_units([folder / "representation.json", folder / "selection.json"])) == 50
