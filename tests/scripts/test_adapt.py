"""``bvae-rl adapt`` on tiny settings: every treatment starts alike, and only some encoders move."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bvae_rl.agents import adapt as study
from bvae_rl.agents.treatments import TREATMENTS
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.probe_sets import probe_set
from bvae_rl.metrics import score
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.rows import Row
from bvae_rl.scripts import adapt, collect
from bvae_rl.scripts.common import EnvArgs
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.scripts.study import finals
from bvae_rl.training.fine_tune import FineTuneConfig
from bvae_rl.training.train_config import TrainConfig
from tests.next_cases import next_commands


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("adapt")
    collect.main(
        collect.Args(out=root / "frames", frames=512, policy="independent", domain="source")
    )
    quick = TrainConfig(batch_size=16, warmup=2, log_freq=5)
    pretrain.main(
        pretrain.Args.of(
            root / "frames",
            out=root / "vae",
            style_dim=0,
            steps=10,
            train=quick,
            channels=(8, 8, 8),
            hidden=16,
        )
    )
    return root


def test_an_agent_is_moved_under_every_treatment(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = study.AdaptConfig(
        total_timesteps=2000, eval_freq=1000, curve_episodes=2, n_eval_episodes=2, probe_frames=200,
        tune=FineTuneConfig(gradient_steps=20, batch_size=16, learning_rate=2e-3, max_move=None),
    )  # fmt: skip
    monkeypatch.setattr(adapt, "AdaptConfig", lambda **given: tiny)
    # ten batches leave no latent active, which hardening would refuse
    monkeypatch.setattr("bvae_rl.training.hardening.checks.refuse_inactive", lambda teacher: None)
    monkeypatch.setattr(study, "score", partial(score, steps=10))
    args = adapt.Args(
        (str(made / "vae"),), made / "frames", seeds=(3,), target=("ood1",), source_timesteps=1000,
        total_timesteps=2000, workers=1, out=made / "adapt", treatments=tuple(TREATMENTS),
    )  # fmt: skip
    result = adapt.main(args)
    printed = capsys.readouterr().out
    assert [name for name, _ in next_commands(printed)] == ["visualize"]
    assert (made / "adapt" / "adapt.png").stat().st_size > 10_000
    for treatment in TREATMENTS.values():
        assert treatment.text in printed

    def curve(method: str, metric: str) -> dict[int, float]:
        return {
            r.step: r.value
            for r in result.rows
            if r.method == method and r.metric == metric and r.step is not None
        }

    for method in TREATMENTS:
        assert sorted(curve(method, "return")) == [0, 1000, 2000]
        for metric in ("return", "recon", "mig"):
            assert curve(method, metric)[0] == curve("frozen", metric)[0]
    assert len(set(curve("frozen", "recon").values())) == 1
    for method in ("online", "online_mixed", "online_constant"):
        assert curve(method, "recon")[2000] < curve(method, "recon")[0]
    assert curve("online_mixed", "recon") != curve("online", "recon")
    assert curve("online_hardened", "recon") != curve("frozen", "recon")  # the encoder has moved
    assert finals(result.rows, "recon")["frozen"].keys() == {"ood1", "source"}
    assert {row.vae_seed for row in result.rows} == {3}
    assert all("then ood1" in row.budget["domain"] for row in result.rows)

    monkeypatch.setattr(study, "load_agent", None)  # what is finished is not done again
    assert [row.value for row in adapt.main(args).rows] == [row.value for row in result.rows]
    collect.main(collect.Args(made / "other", frames=64, policy="independent", seed=9))
    with pytest.raises(ValueError, match=r"online_mixed.*holds a move made with other settings"):
        adapt.main(replace(args, store=made / "other"))
    adapt.main(replace(args, store=made / "other", treatments=("frozen", "online")))


def test_a_world_without_success_has_a_table_all_the_same() -> None:
    row = Row(
        study="adapt-ood1", method="frozen", algo="ppo", env="e", domain="ood1", vae_seed=0,
        agent_seed=0, metric="return", value=1.5, n=2, command="",
    )  # fmt: skip
    (line,) = [one for one in adapt.table([row], ["ood1"]).splitlines() if "encoder as" in one]
    assert "1.5" in line and "-" in line.split()


def test_one_vae_a_seed_is_asked_for(made: Path) -> None:
    with pytest.raises(ValueError, match=r"a VAE of its own: give 2 .*, got 1"):
        adapt.main(adapt.Args((str(made / "vae"),), made / "frames", seeds=(0, 1)))


def test_a_world_that_cannot_be_probed_is_refused_before_any_training(made: Path) -> None:
    with pytest.raises(ValueError, match="states cannot be set behind VariedEnv"):
        adapt.main(
            adapt.Args(
                (str(made / "vae"),), made / "frames", EnvArgs(wrappers=("bvae_rl:VariedEnv",)),
                seeds=(0,), target=("colour",), out=made / "varied",
            )
        )  # fmt: skip
    assert not (made / "varied").exists()


def test_it_acts_in_the_world_of_the_vae_unless_another_is_named(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def stop(vaes: object, env: EnvConfig, *rest: object, **more: object) -> None:
        seen.append(env.id)
        raise RuntimeError

    monkeypatch.setattr(adapt, "run_adaptation", stop)
    with pytest.raises(RuntimeError):
        adapt.main(adapt.Args(("car_racing",), made / "frames", seeds=(0,), out=made / "car"))
    assert seen == ["bvae_rl.envs:bvae_rl/CarRacing-v0"]


def test_unknown_treatments_are_refused(made: Path) -> None:
    with pytest.raises(ValueError, match=r"\['thawed'\]; known: frozen, online"):
        adapt.main(
            adapt.Args((str(made / "vae"),), made / "frames", treatments=("thawed",), seeds=(0,))
        )


def test_encoders_that_cannot_move_are_refused_before_any_training(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vae = BetaVAE.load(made / "vae")
    points = BetaVAE(replace(vae.config, levels=3))
    points.meta = vae.meta
    points.save(tmp_path / "points")
    monkeypatch.setattr(adapt, "run_adaptation", lambda *given, **more: pytest.fail("it trained"))
    moving = {"treatments": ("frozen", "online"), "seeds": (0,), "out": tmp_path / "out"}
    stacked = EnvArgs("bvae_rl/PlanarReach-v0", frame_stack=3)
    with pytest.raises(ValueError, match=r"reads 3 codes cannot have a moving encoder.*leave onl"):
        adapt.main(adapt.Args((str(made / "vae"),), made / "frames", world=stacked, **moving))
    with pytest.raises(ValueError, match=r"points are quantised \(3 levels\).*leave online out"):
        adapt.main(adapt.Args((str(tmp_path / "points"),), made / "frames", **moving))


def test_worlds_that_hold_a_state_factor_still_are_scored() -> None:
    env = EnvConfig("bvae_rl.envs:bvae_rl/MiniGrid-DoorKey-5x5-v0", domain="source")
    evaluator = object.__new__(study._Evaluator)
    vae = BetaVAE(VAEConfig(latent_dim=2, channels=(8, 8, 8), hidden=16)).eval()
    evaluator.vae = lambda: vae
    evaluator.envs = {"source": env}
    evaluator.frames = {"source": probe_set(env.make(), 60, seed=0)}
    found = evaluator._scores("source")  # where the door's column is always the same
    assert np.isfinite(found["state_r2"])
