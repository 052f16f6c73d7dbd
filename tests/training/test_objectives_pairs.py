"""Objectives on pairs against their formulae: Ada, SlowVAE, products and swaps; the regressor."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bvae_rl.data.collecting.collect import collect, collect_independent
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.losses import (
    average_shared,
    kl_per_latent,
    multiply_shared,
    recon_nll,
    sample,
    swap_shared,
    symmetric_kl,
)
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.batches.pair_sources import unlabelled
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.ada import AdaObjective, inferred, kl_between
from bvae_rl.training.objectives.slow_vae import SlowVAEObjective, laplace_kl
from bvae_rl.training.objectives.supervised import SupervisedObjective, unit_factors
from bvae_rl.training.schedules import Constant
from bvae_rl.training.train_config import TrainConfig

CONFIG = VAEConfig(shape=(3, 32, 32), latent_dim=5, channels=(8, 8, 8), hidden=16, recon_weight=3.0)
QUICK = TrainConfig(batch_size=16, warmup=5, log_freq=10, precision="float32")


@pytest.fixture
def vae() -> BetaVAE:
    torch.manual_seed(0)
    return BetaVAE(CONFIG)


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    store = FrameStore(tmp_path_factory.mktemp("visited"))
    reach = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", kwargs=("size=32",))
    collect(reach.vec(2, seed=0), store, 800, seed=0)
    return store


def test_the_middle_of_the_divergences_parts_shared_from_changed() -> None:
    divergence = torch.tensor([[0.0, 1.0, 4.9, 10.0], [2.0, 2.0, 3.0, 3.0]])
    expected = [[True, True, True, False], [True, True, False, False]]
    assert inferred(divergence).tolist() == expected


def test_the_divergence_of_two_posteriors_by_hand() -> None:
    mu, mu2 = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 1.0]])
    logvar, logvar2 = torch.zeros(1, 2), torch.log(torch.tensor([[4.0, 4.0]]))
    there = [0.5 * (0.25 + 0.25 - 1.0 + math.log(4.0)), 0.5 * (0.25 - 1.0 + math.log(4.0))]
    back = [0.5 * (4.0 + 1.0 - 1.0 - math.log(4.0)), 0.5 * (4.0 - 1.0 - math.log(4.0))]
    assert kl_between(mu, logvar, mu2, logvar2)[0].tolist() == pytest.approx(there)
    assert kl_between(mu2, logvar2, mu, logvar)[0].tolist() == pytest.approx(back)
    both = [0.5 * (a + b) for a, b in zip(there, back, strict=True)]
    assert symmetric_kl(mu, logvar, mu2, logvar2)[0].tolist() == pytest.approx(both)


def test_products_and_swaps_of_posteriors() -> None:
    mu, mu2 = torch.tensor([[0.0, 1.0]]), torch.tensor([[3.0, 5.0]])
    logvar, logvar2 = torch.log(torch.tensor([[1.0, 1.0]])), torch.log(torch.tensor([[0.5, 9.0]]))
    shared = torch.tensor([[True, False]])
    m, v, m2, v2 = multiply_shared(mu, logvar, mu2, logvar2, shared)
    # precisions 1 and 2: variance 2 / 3 (halved evidence), mean (0 * 1 + 3 * 2) / 3
    assert m.tolist() == [[pytest.approx(2.0), 1.0]] and m2.tolist() == [[pytest.approx(2.0), 5.0]]
    assert v.exp().tolist()[0] == pytest.approx([2.0 / 3.0, 1.0])
    assert v2.exp().tolist()[0] == pytest.approx([2.0 / 3.0, 9.0])
    same = multiply_shared(mu, logvar, mu, logvar, torch.ones(1, 2, dtype=torch.bool))
    assert torch.allclose(same[0], mu) and torch.allclose(same[1], logvar)
    m, v, m2, v2 = swap_shared(mu, logvar, mu2, logvar2, shared)
    assert (m.tolist(), m2.tolist()) == ([[3.0, 1.0]], [[0.0, 5.0]])
    assert v[0, 0] == logvar2[0, 0] and v2[0, 1] == logvar2[0, 1]


@pytest.mark.parametrize(("apart", "sigma"), [(0.0, 1.0), (0.7, 0.2), (-3.0, 0.5), (40.0, 0.01)])
def test_the_laplace_divergence_is_the_integral(apart: float, sigma: float) -> None:
    z = np.linspace(apart - 12 * sigma, apart + 12 * sigma, 200_001)
    q = np.exp(-0.5 * ((z - apart) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    log_p = math.log(3.0) - 6.0 * np.abs(z)
    log_q = np.log(np.maximum(q, 1e-300))
    expected = np.trapezoid(q * (log_q - log_p), z)
    found = laplace_kl(torch.tensor(apart), torch.tensor(2 * math.log(sigma)), 6.0)
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_the_laplace_divergence_is_stable_far_out() -> None:
    apart = torch.tensor([-1e4, 1e4, 0.0], requires_grad=True)
    logvar = torch.tensor([-12.0, -12.0, 6.0], requires_grad=True)  # the limits of ``encode``
    found = laplace_kl(apart, logvar, 6.0)
    entropy = 0.5 * (-12.0 + math.log(2 * math.pi * math.e))
    assert found[:2].tolist() == pytest.approx([6e4 - math.log(3.0) - entropy] * 2)
    found.sum().backward()
    assert apart.grad.tolist() == [-6.0, 6.0, 0.0]
    assert logvar.grad[:2].tolist() == pytest.approx([-0.5, -0.5])  # of the entropy alone


@pytest.mark.parametrize("name", ["average", "product"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_ada_combines_what_is_close(name: str, symmetric: bool) -> None:
    torch.manual_seed(3)
    vae = BetaVAE(CONFIG)
    last: Any = vae.encoder[-1]
    with torch.no_grad():
        last.weight.mul_(10.0)  # posteriors start alike
    x, x2, noise = torch.rand(3, 3, 32, 32), torch.rand(3, 3, 32, 32), torch.randn(6, 5)
    one, logvar1, two, logvar2 = (*vae.encode(x), *vae.encode(x2))
    apart = (symmetric_kl if symmetric else kl_between)(one, logvar1, two, logvar2)
    shared = apart < 0.5 * (apart.min(1).values + apart.max(1).values)[:, None]
    assert 0 < shared.sum() < shared.numel()
    combine = average_shared if name == "average" else multiply_shared
    one, logvar1, two, logvar2 = combine(one, logvar1, two, logvar2, shared)
    mu, logvar = torch.cat([one, two]), torch.cat([logvar1, logvar2])
    decoded = vae.decode_logits(sample(mu, logvar, noise))
    recon = recon_nll(decoded, torch.cat([x, x2]), likelihood="gaussian", recon_weight=3.0).mean()
    kl = kl_per_latent(mu, logvar).sum(1).mean()
    told = torch.zeros(3, 5, dtype=torch.bool)  # is ignored
    objective = AdaObjective(Constant(2.0), name, symmetric=symmetric)
    loss, parts = objective.loss(vae, Batch(x, x2, told), 0, noise)
    assert loss.item() == pytest.approx((recon + 2.0 * kl).item(), rel=1e-5)
    assert float(parts["shared"]) == pytest.approx(shared.sum().item() / 3)


def test_slow_is_the_bound_of_a_pair_averaged_over_its_order(vae: BetaVAE) -> None:
    x, x2, noise = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32), torch.randn(4, 5)
    objective = SlowVAEObjective(Constant(1.0), gamma=3.0, rate=2.0)
    loss, parts = objective.loss(vae, Batch(x, x2), 0, noise)
    (one, logvar1), (two, logvar2) = vae.encode(x), vae.encode(x2)
    there = laplace_kl(two - one, logvar2, 2.0).sum(1).mean()
    back = laplace_kl(one - two, logvar1, 2.0).sum(1).mean()
    first, second = (
        kl_per_latent(*code).sum(1).mean() for code in ((one, logvar1), (two, logvar2))
    )
    codes = torch.cat([one, two]), torch.cat([logvar1, logvar2])
    decoded = vae.decode_logits(sample(*codes, noise))
    pixels = recon_nll(decoded, torch.cat([x, x2]), likelihood="gaussian", recon_weight=3.0)
    recon = 2.0 * pixels.mean()  # both images
    orders = recon + first + 3.0 * there, recon + second + 3.0 * back  # one comes first, or two
    assert 2.0 * loss.item() == pytest.approx((sum(orders) / 2.0).item(), rel=1e-5)
    transition = (0.5 * (there + back)).item()
    assert torch.as_tensor(parts["transition"]).item() == pytest.approx(transition, rel=1e-5)


@pytest.mark.parametrize(
    "objective", [AdaObjective(Constant(1.0)), SlowVAEObjective(Constant(1.0), gamma=1.0)]
)
def test_consecutive_frames_train(
    objective: AdaObjective | SlowVAEObjective, visited: FrameStore, tmp_path: Path
) -> None:
    short = train_vae(visited, CONFIG, objective, steps=5, seed=0, out=tmp_path / "a", train=QUICK)
    longer = train_vae(
        visited, CONFIG, objective, steps=60, seed=0, out=tmp_path / "b", train=QUICK
    )
    assert (
        longer.meta["scores"]["validation"]["vae/elbo"]
        > short.meta["scores"]["validation"]["vae/elbo"] + 100
    )


def test_untold_pairs_need_no_groups_and_hide_what_is_shared(visited: FrameStore) -> None:
    batch = unlabelled("consecutive", Rows(visited))(visited, np.random.default_rng(0), 8)
    assert batch.x2 is not None and batch.shared is None
    with pytest.raises(ValueError, match=r"this store gives: consecutive, augment"):
        unlabelled("views", Rows(visited))


def test_the_regressors_decoder_does_not_touch_its_codes(vae: BetaVAE) -> None:
    x, factors, noise = torch.rand(4, 3, 32, 32), torch.rand(4, 5), torch.randn(4, 5)
    loss, _ = SupervisedObjective(7.0).loss(vae, Batch(x, factors=factors), 0, noise)
    mu, _ = vae.encode(x)
    told = 7.0 * (mu - factors).square().sum(1).mean()
    recon = recon_nll(vae.decode_logits(mu), x, likelihood="gaussian", recon_weight=3.0).mean()
    assert loss.item() == pytest.approx((told + recon).item(), rel=1e-5)
    weights = [*vae.encoder.parameters()]
    expected = torch.autograd.grad(told, weights)
    loss.backward()
    for weight, gradient in zip(weights, expected, strict=True):
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad, gradient, rtol=1e-3, atol=1e-5)
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in vae.decoder.parameters())


def test_the_regressor_learns_the_factors(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "frames")
    env = PlanarReach(size=32, domain="pretrain")
    store.declare(factor_specs=env.factor_specs)
    collect_independent(env, store, 2000, seed=0)
    config = replace(CONFIG, latent_dim=7, groups={"content": (0, 4), "style": (4, 7)})
    result = train_vae(
        store, config, SupervisedObjective(), steps=300, seed=0, out=tmp_path / "vae", train=QUICK
    )
    frames, factors = (
        store.array("frames")[:500],
        torch.from_numpy(np.array(store.array("factors")[:500])),
    )
    error = result.encode_frames(frames) - unit_factors(factors, store.factor_specs).numpy()
    spread = 1.0 / 3.0  # variance of a uniform factor in [-1, 1]
    assert (error**2).mean(0)[[0, 6]].max() < 0.3 * spread  # the shoulder and the background
    with pytest.raises(ValueError, match="7 factors, the VAE has 5 latents"):
        train_vae(
            store, CONFIG, SupervisedObjective(), steps=1, seed=0, out=tmp_path / "other",
            train=QUICK,
        )  # fmt: skip


def test_units_of_factors() -> None:
    specs = PlanarReach().factor_specs
    low = torch.tensor([[spec.low for spec in specs]]).float()
    high = torch.tensor([[spec.high for spec in specs]]).float()
    assert torch.allclose(unit_factors(low, specs), torch.full((1, 7), -1.0))
    assert torch.allclose(unit_factors(high, specs), torch.full((1, 7), 1.0))
    kinds = (
        FactorSpec("turn", "cyclic", low=-math.pi, high=math.pi),
        FactorSpec("shape", "categorical", values=(3.0, 8.0, 20.0)),
    )
    given = torch.tensor([[0.0, 3.0], [math.pi / 2, 8.0], [-math.pi, 20.0]])
    assert unit_factors(given, kinds).tolist() == [[0.0, -1.0], [0.5, 0.0], [-1.0, 1.0]]


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown combine 'ada'"):
        AdaObjective(Constant(1.0), "ada")
    with pytest.raises(ValueError, match=r"rate positive, got 10\.0 and 0\.0"):
        SlowVAEObjective(Constant(1.0), rate=0.0)
    with pytest.raises(ValueError, match="weight must be finite and positive, got 0"):
        SupervisedObjective(0.0)
