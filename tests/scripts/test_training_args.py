"""``train``, ``compare`` and ``transfer`` in an environment that nobody tuned anything for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from bvae_rl.agents.methods import MethodInputs
from bvae_rl.models.hub import find_vae
from bvae_rl.runtime.rows import Row
from bvae_rl.scripts import compare, train
from bvae_rl.scripts.cli import main, parse
from bvae_rl.scripts.common import EnvArgs
from bvae_rl.scripts.compare import between
from bvae_rl.scripts.default_methods import possible
from bvae_rl.scripts.study import StudyArgs, curves, efficiency_table, make_jobs
from bvae_rl.scripts.training_args import TrainingArgs, evaluated
from bvae_rl.scripts.vae_keys import seed_of

TOY = EnvArgs("test/Toy-v0")
QUICK = ("n_steps=32", "batch_size=32", "n_epochs=1", "net_arch=(8,)")


class Toy(gym.Env[np.ndarray, Any]):
    """A picture, two actions, episodes of eight steps; neither factors nor visual domains."""

    observation_space = gym.spaces.Box(0, 255, (48, 48, 3), np.uint8)
    action_space = gym.spaces.Discrete(2)
    steps = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.left = 8
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> Any:
        type(self).steps += 1
        self.left -= 1
        return self.observation_space.sample(), float(action), self.left == 0, False, {}


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    gym.register("test/Toy-v0", entry_point=Toy, max_episode_steps=8)
    yield
    gym.registry.pop("test/Toy-v0")


def _refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a refused command ends with; nothing was trained."""
    before = Toy.steps
    assert main(words) == 2 and Toy.steps == before
    (line,) = [ln for ln in capsys.readouterr().err.splitlines() if ln.startswith("bvae-rl: error")]
    return line


def test_compare_says_which_default_methods_are_left_out_and_trains_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = Toy.steps
    study = StudyArgs(seeds=(0,), workers=1, total_timesteps=640, set=QUICK, gamma=0.97)
    result = compare.main(compare.Args(world=TOY, study=study))
    said = capsys.readouterr().out
    assert {row.method for row in result.rows} == {"pixels", "random_policy"}
    assert (
        "without state and blind: this method shows true factors, and the environment has no"
        in said
    )
    assert "without bvae: bvae needs a VAE of test/Toy-v0; make it with: " in said
    assert "PPO for 640 steps; given: n_envs" not in said
    assert (
        "given: n_steps 32, batch_size 32, n_epochs 1, gamma 0.97; SB3's defaults: n_envs 1" in said
    )
    assert "known for" not in said and "hidden layers (8,) (given)" in said
    assert "evaluation: every 224 steps on up to 20 episodes, as many as end within 8" in said
    final = [row for row in result.rows if row.step is None]
    assert {row.n for row in final} == {4}  # of 100: a twentieth of 640 steps
    assert Toy.steps - before <= 640 + 64 + 32 + 8  # training, a tenth, and the random policy
    with pytest.raises(ValueError, match="no factor_specs; give it some with --wrappers"):
        compare.main(compare.Args(methods=("state", "pixels"), world=TOY, study=study))


@pytest.mark.parametrize(
    ("shape", "served"),
    [((48, 48, 3), True), ((3, 48, 48), True), ((48, 48), False), ((16, 16, 3), False)],
)
def test_pixels_are_advised_where_they_can_be_read(
    shape: tuple[int, ...], served: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Toy, "observation_space", gym.spaces.Box(0, 255, shape, np.uint8))
    expected = nullcontext() if served else pytest.raises(ValueError, match="can serve none of the")
    with expected:
        found, _ = possible(("pixels",), TOY.config(), TOY, MethodInputs(), vae=False)
        assert found == ("pixels",)


def test_commands_name_the_line_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    env = ("--env", "test/Toy-v0")
    line = _refused(capsys, "train", *env)
    assert "bvae-rl collect --env test/Toy-v0 && bvae-rl pretrain runs/frames; then add" in line
    Path("runs/frames").mkdir(parents=True)  # another world's
    line = _refused(capsys, "train", *env)
    assert "collect --out runs/frames-2" in line and "pretrain runs/frames-2; then" in line
    Path("runs/frames").rmdir()
    line = _refused(capsys, "transfer", *env)
    assert "no visual domains" in line and "--wrappers my_module:with_looks" in line
    assert "compare agents: bvae-rl compare --env test/Toy-v0" in line
    line = _refused(capsys, "compare", *env, "--methods", "bvae", "pixels")
    assert "bvae needs a VAE of test/Toy-v0; make it with: bvae-rl collect" in line
    line = _refused(capsys, "transfer", "--env", "bvae_rl/PlanarPush-v0")
    assert "pretrain runs/frames; then add runs/vae" in line
    line = _refused(capsys, "train", *env, "--method", "pixels_randomised")
    assert "trains in the visual domain ood1, and this environment does not draw it" in line
    pixels = ("train", *env, "--method", "pixels")
    assert "SAC needs continuous" in _refused(capsys, *pixels, "--algo", "sac")
    line = _refused(capsys, *pixels, "--set", "clip_rnge=0.1")
    assert "did you mean clip_range" in line and "it takes: batch_size, " in line
    assert "gamma must be in [0, 1], got 3" in _refused(capsys, *pixels, "--set", "gamma=3")
    line = _refused(capsys, *pixels, "--gamma", "0.5", "--set", "gamma=0.3")
    assert "gamma is given twice, as --gamma 0.5 and --set gamma=0.3" in line
    line = _refused(capsys, "compare", "--env", "CartPole-v1")
    assert "can serve none of the methods state, blind, pixels, bvae: without state and" in line


def test_train_uses_what_is_given_and_says_when_no_episode_ends(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    args = train.Args(
        method="pixels", world=TOY, total_timesteps=64, set=QUICK, n_envs=2, learning_rate=1e-4,
        eval_freq=64, eval_steps=5, out=tmp_path / "agent",
    )  # fmt: skip
    result = train.main(args)
    said = capsys.readouterr().out
    assert [row.n for row in result.rows if row.metric == "return"] == [1]
    assert (
        "2 points of learning curves and 1 evaluations at the end hold returns of episodes" in said
    )
    assert "--learning-rate 0.0001 --n-envs 2 --set n_steps=32" in said  # the next command
    with pytest.raises(ValueError, match=r"\(config\.settings\.learning_rate 0\.0001, not 0\.0003"):
        train.main(replace(args, learning_rate=None))


def test_an_option_that_is_repeated_keeps_all_its_values() -> None:
    words = ["--set", "tau=0.1", "--seed", "3", "--set=gamma=0.5", "--method", "pixels"]
    args = parse("train", [*words, "--set", "ent_coef=-1", "n_envs=2"])
    assert args.set == ("tau=0.1", "gamma=0.5", "ent_coef=-1", "n_envs=2")
    assert args.seed == 3 and args.method == "pixels"
    assert parse("compare", ["--methods", "pixels", "pca", "--seeds", "1"]).methods == (
        "pixels",
        "pca",
    )
    assert parse("compare", []).methods is None


def _row(value: float, *, step: int | None, n: int = 5, metric: str = "return") -> Row:
    return Row(
        study="s", method="pixels", algo="ppo", env="e", agent_seed=0, metric=metric, value=value,
        n=n, step=step, command="",
    )  # fmt: skip


def test_a_threshold_that_holds_before_training_is_not_reached_by_it() -> None:
    curve = [_row(value, step=step) for step, value in ((0, 1.0), (10, 2.0), (20, 3.0))]
    cells = efficiency_table(curve, (0.5, 1.5, 9.0)).splitlines()[1].split()
    assert cells[-3:] == ["untrained", "10", "never"]


def test_curves_of_seeds_that_were_evaluated_at_other_steps_are_measured() -> None:
    points = {3: ((0, 0.0), (1000, 10.0), (2000, 20.0)), 7: ((0, 0.0), (1013, 5.0))}
    rows = [
        replace(_row(value, step=step), agent_seed=seed)
        for seed, curve in points.items()
        for step, value in curve
    ]
    lines = [line.split() for line in efficiency_table(rows, (5.0,)).splitlines()[1:]]
    assert [line[-3] for line in lines] == ["3", "7"]
    assert [line[-1] for line in lines] == ["1,000", "1,013"]
    steps, values = curves(rows)["pixels"]
    assert steps == [0, 1000, 1013, 2000]
    np.testing.assert_allclose(values[0], [0, 10, 10.13, 20])
    np.testing.assert_allclose(values[1], [0, 5 * 1000 / 1013, 5, 5])


def test_agents_on_one_vae_name_its_seed_and_not_their_own() -> None:
    env = EnvArgs().config("source")
    jobs = make_jobs(StudyArgs(seeds=(0, 1)), ["state", "bvae"], ["reach_crossed"], env)
    assert [job.name for job in jobs] == [
        "state-ppo-seed0", "bvae-content-ppo-vae20-seed0",
        "state-ppo-seed1", "bvae-content-ppo-vae20-seed1",
    ]  # fmt: skip
    assert seed_of(find_vae("reach_crossed")) == 20


def test_unequal_numbers_of_episodes_are_said() -> None:
    rows = [_row(1.0, step=None, n=3), _row(1.0, step=None, n=8)]
    assert evaluated(rows) == ["evaluations at the end took 3 to 8 whole episodes"]
    assert evaluated(rows[:1]) == []
    assert TrainingArgs(n_envs=3, set=("tau=0.2",), algo="sac").given == {"tau": 0.2, "n_envs": 3}


def test_thresholds_have_the_digits_that_tell_them_apart() -> None:
    assert between(-20.0, 100.0) == (40.0, 70.0)
    assert between(0.0, 0.02) == (0.01, 0.015)
    assert between(3.0, 3.0) == ()
