"""Grids: which pictures stand in a batch, and where each latent is taken from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bvae_rl.data.collecting.collect import collect, collect_independent
from bvae_rl.data.collecting.interventions import Interventions
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.losses import kl_per_latent, recon_nll, sample
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.training.annealing import Annealing
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.batches.grids import Moves, grid_pairing
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.cross_reconstruction import (
    CrossReconstruction,
    chosen,
    not_to_train,
    taken,
)
from bvae_rl.training.objectives.rank import rank_loss
from bvae_rl.training.objectives.table import entry
from bvae_rl.training.schedules import Constant

VALUES, PAIRS = entry("cross_reconstruction").paper, "views+interventions"
CONFIG = VAEConfig(
    shape=(3, 32, 32), latent_dim=6, groups={"content": (0, 4), "style": (4, 6)},
    parts={"actuator0": (0, 1), "actuator1": (1, 2)}, channels=(8, 8, 8), hidden=16,
    recon_weight=3.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """Frames in two appearances, and interventions in two appearances."""
    store = FrameStore(tmp_path_factory.mktemp("frames"))
    interventions = Interventions(PlanarReach(size=32, domain="pretrain"), 96, 2)
    env = PlanarReach(size=32, domain="pretrain")
    collect_independent(env, store, 1000, seed=0, views=2, interventions=interventions)
    return store


def rows_of(store: FrameStore, batch: Batch) -> np.ndarray:
    """Factors (4, n, K) of the pictures of a batch, found again by their pixels."""
    frames = np.asarray(store.array("frames"))
    by_bytes = {frame.tobytes(): row for row, frame in enumerate(frames)}
    pictures = (batch.x * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    rows = [by_bytes[picture.tobytes()] for picture in pictures]
    return np.asarray(store.array("factors"))[rows].reshape(4, len(rows) // 4, -1)


def test_two_states_stand_in_two_looks(store: FrameStore) -> None:
    batch = grid_pairing("views", Rows(store, validation=0.1), CONFIG)(
        store, np.random.default_rng(0), 64
    )
    ua, va, ub, vb = rows_of(store, batch)
    state, appearance = slice(0, 4), slice(4, 7)
    assert np.array_equal(ua[:, state], ub[:, state]) and np.array_equal(va[:, state], vb[:, state])
    assert np.array_equal(ua[:, appearance], va[:, appearance]) and np.array_equal(
        ub[:, appearance], vb[:, appearance]
    )
    assert (ua[:, state] != va[:, state]).any(1).all()
    assert (ua[:, appearance] != ub[:, appearance]).any(1).all()
    assert ((ua != va)[:, state].all(1)).all()  # no intervention, of which one joint differs
    assert batch.take is not None and batch.take.shape == (64, 6)
    first = batch.take.view(4, 16, 6)[:, 0].tolist()
    assert first == [[2] * 4 + [1] * 2, [3] * 4 + [0] * 2, [0] * 4 + [3] * 2, [1] * 4 + [2] * 2]


def test_of_interventions_one_joint_differs_and_has_a_source_of_its_own(store: FrameStore) -> None:
    batch = grid_pairing("interventions", Rows(store), CONFIG)(store, np.random.default_rng(0), 64)
    ua, va, ub, vb = rows_of(store, batch)
    moved = ua != va
    assert (moved.sum(1) == 1).all() and moved[:, 2:].sum() == 0
    assert np.array_equal(ub != vb, moved)
    assert batch.take is not None
    for grid, actuator in enumerate(moved[:, :2].argmax(1)):
        expected = [3, 3, 3, 3, 1, 1]
        expected[actuator] = 2  # what moved: from the same state in the other appearance
        assert batch.take[grid].tolist() == expected
    assert batch.direction is not None
    ua_up, va_up, ub_up, vb_up = batch.direction.chunk(4)
    turned = np.sign(va - ua)[:, :2]  # one latent a joint, which rises where the joint does
    np.testing.assert_array_equal(ua_up, np.pad(turned, ((0, 0), (0, 4))))
    assert torch.equal(va_up, -ua_up) and torch.equal(ub_up, ua_up) and torch.equal(vb_up, -ua_up)


def test_a_run_of_actions_leads_where_their_sum_does(store: FrameStore, tmp_path: Path) -> None:
    recorded = FrameStore(tmp_path)
    actions = np.array([[0.5, 0], [-1, 0], [0.5, 0], [0, 0]], np.float32)
    frames = np.asarray(store.array("frames")[:4])
    zeros, order = np.zeros(4, np.int64), np.arange(4)
    recorded.append(Frames(frames, zeros, order, actions=actions))
    moves, first = Moves(recorded), np.zeros(3, dtype=int)
    assert moves.sign(first, np.arange(1, 4), first).tolist() == [1.0, -1.0, 0.0]


def test_a_mixture_keeps_grids_together(store: FrameStore) -> None:
    batch = grid_pairing("views+interventions", Rows(store), CONFIG)(
        store, np.random.default_rng(0), 32
    )
    ua, va, ub, vb = rows_of(store, batch)
    assert np.array_equal(ua[:, :4], ub[:, :4]) and np.array_equal(va[:, 4:], ua[:, 4:])
    assert np.array_equal(vb[:, 4:], ub[:, 4:])
    half = batch.part(1, 2)
    assert torch.equal(half.x, batch.x.view(4, 8, 3, 32, 32)[:, 1::2].flatten(0, 1))


def test_what_stays_throughout_an_episode_is_no_part_of_a_look(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    reach = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", kwargs=("size=32", "domain='source'"))
    collect(reach.vec(2, seed=0), store, 400, seed=0)
    rows = Rows(store)
    first, second = rows.two_states(np.random.default_rng(0), 200).T
    target = store.column("factors")[:, 2:4]
    other = rows.episode[first] != rows.episode[second]
    assert rows.one_appearance and other.mean() > 0.5 and (first != second).all()
    assert (target[first] != target[second]).any(axis=1).mean() > 0.5


def test_augmented_grids_need_one_look_only(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    reach = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", kwargs=("size=32",))
    collect(reach.vec(2, seed=0), store, 400, seed=0)
    batch = grid_pairing("augment", Rows(store), CONFIG)(store, np.random.default_rng(0), 32)
    assert batch.x.shape == (32, 3, 32, 32) and batch.x.min() >= 0 and batch.x.max() <= 1
    with pytest.raises(ValueError, match=r"no two states .* this store gives: augment"):
        grid_pairing("views", Rows(store), CONFIG)
    with pytest.raises(ValueError, match="one actuator moved alone"):
        grid_pairing("augment+interventions", Rows(store), CONFIG)
    with pytest.raises(
        ValueError, match=r"does not take pairs 'twins'; it takes: views, interventions, aug"
    ):
        grid_pairing("twins", Rows(store), CONFIG)


def test_grids_need_groups_and_parts(store: FrameStore) -> None:
    with pytest.raises(ValueError, match="need the latent groups 'content' and 'style'"):
        grid_pairing("views", Rows(store), VAEConfig(latent_dim=6))
    plain = VAEConfig(latent_dim=6, groups=CONFIG.groups)
    with pytest.raises(ValueError, match="actuator0, actuator1 missing"):
        grid_pairing("interventions", Rows(store), plain)


def test_latents_are_taken_from_the_named_pictures() -> None:
    z = torch.arange(8.0).repeat_interleave(3).view(8, 3).requires_grad_()  # two grids
    take = torch.tensor([[2, 2, 1], [3, 3, 0], [0, 0, 3], [1, 1, 2]]).repeat_interleave(2, dim=0)
    found = taken(z, take)
    assert found[0].tolist() == [4.0, 4.0, 2.0]  # (u, a) of grid 0: content (u, b), look (v, a)
    assert found[7].tolist() == [3.0, 3.0, 5.0]  # (v, b) of grid 1
    found[:, 2].sum().backward()
    assert z.grad is not None and z.grad[:, 2].tolist() == [1.0] * 8


def test_whole_grids_are_crossed_by_fraction() -> None:
    grids = chosen(400, fraction=0.25, step=3).view(4, 100)
    assert (grids == grids[0]).all() and 15 <= int(grids[0].sum()) <= 35
    assert not torch.equal(grids, chosen(400, fraction=0.25, step=4).view(4, 100))
    assert chosen(8, fraction=1.0, step=0).all() and not chosen(8, fraction=0.0, step=0).any()


def test_interventions_are_those_whose_content_comes_from_two_pictures() -> None:
    acted, domain = [[2, 3, 1], [3, 2, 0], [0, 1, 3], [1, 0, 2]], [[2, 2, 1]]
    found = not_to_train(torch.tensor(acted + domain), slice(2, 3))
    assert found.tolist() == [[False, False, True]] * 4 + [[False] * 3]


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_crossed_interventions_train_no_style(store: FrameStore, fraction: float) -> None:
    torch.manual_seed(0)
    vae, noise = BetaVAE(CONFIG), torch.randn(16, 6)
    rows = Rows(store)
    batch = grid_pairing("interventions", rows, CONFIG)(store, np.random.default_rng(0), 16)
    pressed = CrossReconstruction(
        Constant(2.0), Constant(fraction), Constant(3.0), Constant(5.0), "views+interventions"
    )
    loss, _ = pressed.loss(vae, batch, 0, noise)
    loss.backward()
    of_mu = vae.encoder[-1].weight.grad[: CONFIG.latent_dim].abs().sum(1)
    assert (of_mu[:4] > 0).all() and ((of_mu[4:] > 0) == (fraction == 0.0)).all()


def test_the_loss_is_recon_of_what_was_taken_plus_beta_kl(store: FrameStore) -> None:
    torch.manual_seed(0)
    vae = BetaVAE(CONFIG)
    batch = grid_pairing("views", Rows(store), CONFIG)(store, np.random.default_rng(0), 8)
    noise = torch.randn(8, 6)
    loss, parts = CrossReconstruction(Constant(2.0), Constant(1.0)).loss(vae, batch, 0, noise)
    mu, logvar = vae.encode(batch.x)
    z = sample(mu, logvar, noise)
    ua = torch.cat([z[4:6, :4], z[2:4, 4:]], dim=1)  # of both grids
    first = recon_nll(vae.decode_logits(ua), batch.x[:2], likelihood="gaussian", recon_weight=3.0)
    assert batch.take is not None
    own = taken(z, batch.take)
    assert torch.equal(own[:2], ua) and first.isfinite().all()
    recon = recon_nll(
        vae.decode_logits(own), batch.x, likelihood="gaussian", recon_weight=3.0
    ).mean()
    kl = kl_per_latent(mu, logvar).sum(1).mean()
    assert loss.item() == pytest.approx((recon + 2.0 * kl).item(), rel=1e-5)
    assert parts["crossing"] == 1.0


def test_the_total_correlation_of_each_group_is_added(store: FrameStore) -> None:
    torch.manual_seed(1)
    vae, noise = BetaVAE(CONFIG), torch.randn(8, 6)
    batch = grid_pairing("views", Rows(store), CONFIG)(store, np.random.default_rng(0), 8)
    plain = CrossReconstruction(Constant(2.0), Constant(1.0))
    loss, _ = plain.loss(vae, batch, 5, noise)
    pressed, parts = replace(plain, tc=Constant(3.0)).loss(vae, batch, 5, noise)
    mu, logvar = vae.encode(batch.x)
    z = sample(mu, logvar, noise)
    expected = torch.zeros(())
    for group in (slice(0, 4), slice(4, 6)):
        log_q = torch.distributions.Normal(mu[:, group], (0.5 * logvar[:, group]).exp())
        each = log_q.log_prob(z[:, None, group])  # (sample, posterior, latent)
        joint = each.sum(2).logsumexp(1) - np.log(8)
        expected = expected + (joint - (each.logsumexp(1) - np.log(8)).sum(1)).mean()
    torch.testing.assert_close(parts["tc"], expected)
    torch.testing.assert_close(pressed, loss + 3.0 * expected)


def test_which_way_an_actuator_went_is_added(store: FrameStore) -> None:
    torch.manual_seed(1)
    vae, noise = BetaVAE(CONFIG), torch.randn(16, 6)
    batch = grid_pairing("views+interventions", Rows(store), CONFIG)(
        store, np.random.default_rng(0), 16
    )
    plain = CrossReconstruction(Constant(2.0), Constant(1.0), pairs="views+interventions")
    loss, _ = plain.loss(vae, batch, 5, noise)
    told, parts = replace(plain, rank=Constant(3.0)).loss(vae, batch, 5, noise)
    mu, _ = vae.encode(batch.x)
    assert batch.direction is not None and (batch.direction != 0).sum() == 8  # 2 acted grids
    other = mu.view(4, 4, 6)[[1, 0, 3, 2]].flatten(0, 1)
    torch.testing.assert_close(parts["rank"], rank_loss(mu, other, batch.direction))
    torch.testing.assert_close(told, loss + 3.0 * parts["rank"])


def test_the_rank_fades_once_all_grids_are_crossed() -> None:
    objective = entry("cross_reconstruction").make(
        {**VALUES, "rank": 8.0}, Annealing(100, "constant"), pairs=PAIRS
    )
    assert isinstance(objective, CrossReconstruction)
    assert [objective.rank(step) for step in (0, 50, 75, 100)] == [8.0, 8.0, 4.0, 0.0]


def test_rank_takes_the_moves_of_actuators() -> None:
    one = Constant(1.0)
    with pytest.raises(ValueError, match="'views' hold no interventions"):
        CrossReconstruction(one, one, rank=Constant(10.0))
    with pytest.raises(ValueError, match="not negative, got -1"):
        entry("cross_reconstruction").make(
            {**VALUES, "rank": -1.0}, Annealing(9, "constant"), pairs=PAIRS
        )


def test_the_rank_loss_is_that_of_ranknet() -> None:
    mu, other = torch.tensor([[1.0, 5.0], [0.0, 0.0]]), torch.tensor([[3.0, -5.0], [1.0, 0.0]])
    direction = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    expected = (np.log1p(np.exp(-2.0)) + np.log1p(np.exp(1.0))) / 2  # by 2 right, by 1 wrong
    assert rank_loss(mu, other, direction).item() == pytest.approx(expected)
    assert rank_loss(mu, mu, direction).item() == pytest.approx(np.log(2.0))
    assert rank_loss(mu, other, 0 * direction).item() == 0.0
