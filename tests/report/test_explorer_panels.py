"""The arrays of the explorer's panels: pairs, episodes, moved factors, snapshots."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.sac.policies import SACPolicy

from bvae_rl.agents.value import expected_return
from bvae_rl.data.collecting.collect import collect_independent
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.metrics.held_out import HeldOut
from bvae_rl.metrics.pairs import pair_scores
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.report.explorer import episodes as packing
from bvae_rl.report.explorer.episodes import Episode, episodes_entry, film
from bvae_rl.scripts.explore import episodes as explore_episodes
from bvae_rl.scripts.explore import panels as explore_panels
from bvae_rl.scripts.explore.command import Args
from bvae_rl.scripts.explore.episodes import Plan, planned, played, recorded
from bvae_rl.scripts.explore.factors import VALUES, _reached, _values, moved_factors
from bvae_rl.scripts.explore.history import history
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.scripts.pretrain.watched import kept_snapshots
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.schedules import Constant
from bvae_rl.training.snapshots import marks, snapshots
from bvae_rl.training.train_config import TrainConfig
from tests.explorer_cases import shown_of, tiny
from tests.explorer_panel_cases import unpacked

REACH = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", kwargs=("size=32",))
PLAN = Plan(REACH, ("source", "ood1"), None, 5, 3)


def test_a_pair_holds_what_it_was_made_of_and_its_interval_says_so() -> None:
    rng = np.random.default_rng(0)
    factors = np.column_stack(
        [rng.uniform(size=600), rng.integers(0, 3, 600), rng.uniform(size=600)]
    )
    specs = (
        FactorSpec("place"), FactorSpec("kind", "categorical", values=(0, 1, 2)),
        FactorSpec("turn", "cyclic"), FactorSpec("still"),
    )  # fmt: skip
    factors = np.column_stack([factors, np.zeros(600)])
    codes = np.column_stack([factors[:, 0], factors[:, 1], rng.normal(size=600), factors[:, 0]])
    active = np.array([True, True, True, False])
    found = pair_scores(codes, factors, specs, active=active, replicates=20, slow_replicates=3)
    assert [spec.name for spec in found.factors] == ["place", "kind", "turn"]
    for scores in (found.information, found.importance, found.r2):
        assert scores.estimate[0, 0] > 0.95 and abs(scores.estimate[2, 0]) < 0.1
        assert (scores.low <= scores.estimate).all() and (scores.estimate <= scores.high).all()
        assert scores.high[0, 0] < 1.2 and scores.low[0, 0] > 0.8
    assert found.information.estimate[3, 0] == found.importance.estimate[3, 0] == 0
    assert found.nats[0, 0] > 2 > 0.5 > found.nats[2, 0]
    turned = np.column_stack([factors[:, :2], 2 * np.pi * factors[:, 2]])
    held = HeldOut.of(codes, turned, kinds=["continuous", "categorical", "cyclic"])
    for k in range(3):
        assert found.r2.estimate[1, k] == pytest.approx(held.linear_probe(k, [1]))
        assert found.together.estimate[k] == pytest.approx(held.linear_probe(k))


def test_the_same_start_in_each_domain_and_the_same_states_beside_it() -> None:
    vae = tiny()
    entry = played(PLAN, {"tiny": vae})
    source, other = entry["domains"]
    assert [one["domain"] for one in entry["domains"]] == ["source", "ood1"]
    assert entry["who"] == "a random policy" and source["values"] is None
    first, second = (unpacked(one["pictures"]) for one in (source, other))
    assert first.shape == second.shape == (5, 32, 32, 3) and (first != second).any()
    np.testing.assert_allclose(
        unpacked(source["factors"])[:, :4], unpacked(other["factors"])[:, :4]
    )
    np.testing.assert_allclose(unpacked(source["codes"][0]), vae.encode_frames(first), atol=2e-3)
    np.testing.assert_allclose(unpacked(other["in_first"][0]), unpacked(source["codes"][0]))
    assert source["in_first"] is None
    assert unpacked(source["actions"]).shape == (5, 2) and unpacked(source["rewards"]).shape == (5,)


def test_domains_are_those_of_the_environment_or_none() -> None:
    vae, common = tiny(), {"agent": None, "steps": 4, "seed": 0, "own_env": False}
    plan = planned(REACH, vae, domains=(), domain="ood1:light", **common)
    assert plan.domains == ("ood1:light", "source", "ood1", "ood2")
    plain = EnvConfig("CartPole-v1", pixels=True, size=(32, 32))
    assert planned(plain, vae, domains=(), domain=None, **common).domains == (None,)
    with pytest.raises(ValueError, match="ood9"):
        planned(REACH, vae, domains=("source", "ood9"), domain=None, **common)
    with pytest.raises(ValueError, match="has no visual domains"):
        planned(plain, vae, domains=("ood1",), domain=None, **common)
    with pytest.raises(ValueError, match="2 to 300 steps, got --steps 1"):
        planned(REACH, vae, domains=(), domain=None, **{**common, "steps": 1})


def test_an_agent_of_another_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = SimpleNamespace(env=EnvConfig("Elsewhere-v0"))
    monkeypatch.setattr(explore_episodes, "load_agent", lambda folder: agent)
    with pytest.raises(ValueError, match=r"agent at runs/a was trained in Elsewhere-v0, and the"):
        planned(
            REACH, tiny(), domains=(), domain=None, agent="runs/a", steps=4, seed=0, own_env=True
        )


def test_a_film_is_packed_either_way_and_cut_to_what_the_page_can_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.integers(0, 256, (1, 64, 64, 9), np.uint8), 24, axis=0)
    frames[:, 0, 0, 0] = np.arange(24)
    packed = film(frames)
    assert packed["differences"] and len(packed["data"]) < 2 * frames[0].size
    back = unpacked(packed).astype(np.uint8)
    assert (np.cumsum(back, axis=0, dtype=np.uint8) == frames).all()
    monkeypatch.setattr(packing, "MOST", 1000)
    long = Episode("source", frames, [np.zeros((24, 2))], rewards=np.ones(24), over=True)
    entry = episodes_entry([long], who="nobody")
    assert entry["cut"] == 20 and not entry["domains"][0]["over"]
    assert unpacked(entry["domains"][0]["rewards"]).shape == (20,)


def test_the_world_moves_one_factor_and_nothing_else() -> None:
    vae, world = tiny(), PlanarReach(size=32, domain="ood1")
    entry = moved_factors(world, {"tiny": vae}, seed=0)
    assert entry is not None
    factors = {one["name"]: one for one in entry["factors"]}
    assert {"shoulder", "target x", "arm colour"} <= set(factors)
    one = factors["target x"]
    assert len(one["values"]) == len(one["there"]) == VALUES == len(np.unique(one["values"]))
    pictures, codes = unpacked(one["pictures"]), unpacked(one["codes"][0])
    assert len(pictures) == sum(one["there"]) and codes.shape[1:] == (VALUES, 4)
    there = np.flatnonzero(one["there"])
    np.testing.assert_allclose(codes[0, there], vae.encode_frames(pictures), atol=2e-3)
    assert (pictures[0] != pictures[-1]).any(-1).mean() < 0.2  # the target, not the arm
    assert moved_factors(gym.make("CartPole-v1"), {"tiny": vae}, seed=0) is None


def test_values_of_a_factor_are_those_that_are_drawn() -> None:
    class Lives(PlanarReach):  # knows whole numbers alone
        def factors(self) -> np.ndarray:
            return np.round(super().factors())

    world = Lives(size=32, domain="ood1")
    world.reset(seed=0)
    found = _reached(world, 0, np.array([0.1, 0.4, 0.9, 1.1, 99.0]), np.random.default_rng(0))
    assert found.tolist() == [0.0, 1.0]  # 99 is nowhere
    columns = np.arange(1.0, 15.0)
    shown = _values(FactorSpec("column", kind="categorical", values=(*columns,)), columns)
    assert len(shown) == VALUES and (shown[0], shown[-1]) == (1.0, 14.0)


def test_the_value_is_that_of_the_model() -> None:
    seen, actions = np.ones((2, 3), np.float32), np.array([[1.0], [-2.0]])
    spaces: dict[str, Any] = {
        "observation_space": gym.spaces.Box(-9, 9, (3,)),
        "action_space": gym.spaces.Box(-2, 2, (1,)),
        "lr_schedule": lambda left: 1e-3,
        "net_arch": [8],
    }
    x = torch.from_numpy(seen)
    actor, sac = ActorCriticPolicy(**spaces), SACPolicy(**spaces)
    with torch.no_grad():
        one, two = sac.critic(x, torch.tensor([[0.5], [-1.0]]))  # scaled to -1..1
        wanted = [actor.predict_values(x)[:, 0], torch.minimum(one, two)[:, 0], None]
    for policy, value in zip((actor, sac, object()), wanted, strict=True):
        found = expected_return(SimpleNamespace(policy=policy), seen, actions)  # type: ignore[arg-type]
        assert (found is None) == (value is None)
        if found is not None and value is not None:
            np.testing.assert_allclose(found, value.numpy(), rtol=1e-5)


def test_snapshots_are_kept_where_asked_for_and_change_nothing_else(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "frames")
    collect_independent(PlanarReach(size=32, domain="pretrain"), store, 120, seed=0)
    config = VAEConfig(shape=(3, 32, 32), latent_dim=4, channels=(8, 8, 8), hidden=16)
    train = TrainConfig(batch_size=16, warmup=2, log_freq=2, precision="float32")

    def trained(name: str, asked: int) -> BetaVAE:
        args = pretrain.Args(out=tmp_path / name, steps=8, snapshots=asked, train=train)
        return train_vae(
            store, config, BetaVAEObjective(Constant(1.0)), steps=8, seed=0, out=args.out,
            train=train, callbacks=kept_snapshots(args),
        )  # fmt: skip

    plain, kept = trained("plain", 0), trained("kept", 3)
    assert plain.identity() == kept.identity()
    assert not snapshots(tmp_path / "plain")
    assert plain.meta["training"]["callbacks"] == []
    found = snapshots(tmp_path / "kept")
    assert [path.name for path in found] == ["step-000002", "step-000004", "step-000008"]
    assert BetaVAE.load(found[-1]).identity() == kept.identity()
    frames = store.read(slice(0, 60))
    entry = history(tmp_path / "kept", frames.frames, frames.factors, store.factor_specs)
    assert entry is not None and entry["steps"] == [2, 4, 8]
    assert unpacked(entry["decoded"]).shape == (3, 4, 32, 32, 3)
    assert unpacked(entry["shares"]).shape[:2] == (3, kept.latent_dim)
    assert entry["curves"][0]["name"] == "evidence lower bound (nats)"
    assert history(tmp_path / "plain", frames.frames, None, ()) is None


def test_marks_lie_closer_in_the_beginning() -> None:
    assert marks(1000, 4, every=1) == [1, 10, 100, 1000]
    assert marks(10, 5, every=20) == [10]
    assert marks(3000, 6, every=500) == [500, 1000, 1500, 2000, 2500, 3000]
    assert marks(1000, 5, every=200) == [200, 400, 600, 800, 1000]
    assert marks(20_000, 4, every=200) == [200, 1000, 4400, 20_000]
    with pytest.raises(ValueError, match="2 snapshots or more, got 1"):
        marks(10, 1, every=1)


def test_fewer_snapshots_than_asked_for_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert marks(300, 5, every=200) == [200, 300]
    kept_snapshots(pretrain.Args(steps=300, snapshots=5))
    said = capsys.readouterr().out
    assert "2 of 5 snapshots can be kept" in said and "--log-freq 60 (it is 200)" in said
    kept_snapshots(pretrain.Args(steps=300, snapshots=2))
    assert not capsys.readouterr().out


def test_what_cannot_be_shown_is_said() -> None:
    vae = tiny()
    found, notes = explore_panels.extras(Args(), {"tiny": vae}, shown_of(vae))
    assert not found and set(notes) == {"matrix", "factor_traversals", "episodes", "history"}
    assert "no latent can be held against a factor" in notes["matrix"]
    _, notes = explore_panels.extras(Args(), {"tiny": vae}, shown_of(vae, factors=True))
    assert "6 frames are too few" in notes["matrix"]
    with pytest.raises(ValueError, match="--agent and --domains act in an environment"):
        explore_panels.episode_plan(Args(domains=("ood1",)), vae, None)


def test_an_episode_of_a_store_is_shown_where_its_frames_follow(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "drawn")
    collect_independent(PlanarReach(size=32), store, 20, seed=0)
    assert recorded(store, {"tiny": tiny()}, (), steps=9) is None
