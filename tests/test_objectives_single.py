"""Objectives on single frames: each loss against its formula, and all of them in training."""

from __future__ import annotations

import csv
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from bvae_rl.collect import collect_drawn
from bvae_rl.envs.reach import PlanarReach
from bvae_rl.frames import FrameStore
from bvae_rl.losses import kl_per_latent
from bvae_rl.model import BetaVAE, VAEConfig
from bvae_rl.objectives.autoencoder import (
    AutoencoderObjective,
    damaged,
    generator_of,
    rectangles,
)
from bvae_rl.objectives.beta_vae import BetaVAEObjective
from bvae_rl.objectives.dip_vae import DIPVAEObjective, covariance, off_identity
from bvae_rl.objectives.entry import Ramped
from bvae_rl.objectives.sigma_vae import SigmaVAEObjective, gaussian_nll, optimal_log_sigma
from bvae_rl.objectives.table import entry
from bvae_rl.objectives.tcvae import TCVAEObjective, kl_terms
from bvae_rl.pairs import Batch, Rows
from bvae_rl.pretrain import TrainConfig, pretrain
from bvae_rl.schedules import constant

S = 3.0
QUICK = TrainConfig(batch=16, warmup=5, log_every=10, checkpoint_every=100, precision="float32")
RAMPED = Ramped(lambda end, ramp: constant(end), ramp=1, steps=40)
NAMES = ("tc", "factor", "dip1", "dip2", "sigma", "control", "ae", "dae", "darla")


@pytest.fixture
def vae() -> BetaVAE:
    torch.manual_seed(0)
    return BetaVAE(VAEConfig(shape=(3, 32, 32), latents=5, channels=(8, 8, 8), hidden=16, s=S))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    store = FrameStore(tmp_path_factory.mktemp("frames"))
    collect_drawn(PlanarReach(size=32, looks="pretrain"), store, 600, seed=0)
    return store


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def number(value: Tensor | float) -> float:
    return float(torch.as_tensor(value).detach())


def posterior(vae: BetaVAE, x: Tensor) -> tuple[Tensor, Tensor]:
    mu, logvar = vae.encode(x)
    return mu.detach(), logvar.detach()


# beta-TCVAE


def test_the_parts_of_the_kl_are_those_of_a_loop_over_densities(generator) -> None:
    z, mu, logvar = (torch.randn(4, 3, generator=generator) for _ in range(3))
    found = kl_terms(z, mu, logvar, size=50)
    information = correlation = dimension_wise = 0.0
    for i in range(4):
        # q(z_i | x_j) for each latent and j, as plain numbers
        density = [
            [
                math.exp(-((z[i, d] - mu[j, d]) ** 2) / (2 * logvar[j, d].exp()))
                / math.sqrt(2 * math.pi * logvar[j, d].exp())
                for d in range(3)
            ]
            for j in range(4)
        ]
        joint = math.log(sum(math.prod(row) for row in density) / (4 * 50))
        marginals = sum(math.log(sum(row[d] for row in density) / (4 * 50)) for d in range(3))
        prior = sum(-0.5 * (math.log(2 * math.pi) + float(z[i, d]) ** 2) for d in range(3))
        information += (math.log(math.prod(density[i])) - joint) / 4
        correlation += (joint - marginals) / 4
        dimension_wise += (marginals - prior) / 4
    assert found.mutual_information.item() == pytest.approx(information, rel=1e-4)
    assert found.total_correlation.item() == pytest.approx(correlation, rel=1e-4)
    assert found.dimension_wise.item() == pytest.approx(dimension_wise, rel=1e-4)


@pytest.mark.parametrize("size", [1, 20_000])
def test_the_parts_of_the_kl_add_up_to_it(size: int, generator) -> None:
    mu, logvar, noise = (torch.randn(32, 6, generator=generator) for _ in range(3))
    z = mu + (0.5 * logvar).exp() * noise
    terms = kl_terms(z, mu, logvar, size=size)
    total = terms.mutual_information + terms.total_correlation + terms.dimension_wise
    ratio = Normal(mu, (0.5 * logvar).exp()).log_prob(z) - Normal(0.0, 1.0).log_prob(z)
    assert total.item() == pytest.approx(ratio.sum(1).mean().item(), abs=1e-3)


def test_total_correlation_tells_independent_latents_from_copies(generator) -> None:
    mu = torch.randn(1000, 2, generator=generator)
    logvar = torch.full((1000, 2), math.log(0.1))
    noise = torch.randn(1000, 2, generator=generator)

    def correlation(mu: Tensor, noise: Tensor) -> float:
        z = mu + math.sqrt(0.1) * noise
        return kl_terms(z, mu, logvar, size=1).total_correlation.item()

    # the same mu in both: a Gaussian pair of correlation 1 / 1.1 and -log(1 - r^2) / 2 nats
    copied = mu[:, :1].expand(-1, 2)
    assert correlation(mu, noise) == pytest.approx(0.0, abs=0.06)
    expected = -0.5 * math.log(1.0 - (1.0 / 1.1) ** 2)  # 0.88
    assert correlation(copied, noise) == pytest.approx(expected, abs=0.1)


def test_the_size_of_the_data_moves_the_parts_but_no_gradient(generator) -> None:
    mu = torch.randn(16, 4, generator=generator, requires_grad=True)
    logvar, noise = torch.zeros(16, 4), torch.randn(16, 4, generator=generator)
    values, gradients = [], []
    for size in (1, 1000):
        value = kl_terms(mu + noise, mu, logvar, size=size).total_correlation
        values.append(value.item())
        gradients.append(torch.autograd.grad(value, mu)[0])
    assert values[1] - values[0] == pytest.approx(3 * math.log(1000), rel=1e-4)
    assert torch.allclose(gradients[0], gradients[1], atol=1e-5)


def test_tcvae_weighs_the_three_parts(vae: BetaVAE) -> None:
    x, noise = torch.rand(8, 3, 32, 32), torch.randn(8, 5)

    def loss(alpha: float, beta: float, gamma: float) -> tuple[float, dict[str, float]]:
        objective = TCVAEObjective(*(constant(v) for v in (alpha, beta, gamma)), size=100)
        value, parts = objective.loss(vae, Batch(x), 0, noise)
        return value.item(), {name: number(v) for name, v in parts.items()}

    plain, _ = BetaVAEObjective(constant(1.0)).loss(vae, Batch(x), 0, noise)
    base, parts = loss(1.0, 1.0, 1.0)
    assert base == pytest.approx(plain.item(), rel=1e-6)
    assert loss(1.0, 6.0, 1.0)[0] - base == pytest.approx(5.0 * parts["tc"], rel=1e-3)
    assert loss(3.0, 1.0, 1.0)[0] - base == pytest.approx(2.0 * parts["mi"], rel=1e-3)
    rest = parts["kl"] - parts["mi"] - parts["tc"]  # dimension-wise KL, its mean in closed form
    assert loss(1.0, 1.0, 3.0)[0] - base == pytest.approx(2.0 * rest, rel=1e-3)
    assert parts["beta"] == 1.0


def test_tcvae_takes_the_number_of_training_frames(store: FrameStore, vae: BetaVAE) -> None:
    rows = Rows(store, validation=0.02)
    objective = TCVAEObjective(constant(1.0), constant(6.0), constant(1.0))
    batch = objective.pairing(rows, vae)(store, np.random.default_rng(0), 4)
    assert objective.size == len(rows.train) == len(store) - len(rows.validation)
    assert len(rows.validation) > 0
    assert batch.x.shape == (4, 3, 32, 32) and batch.x2 is None


# DIP-VAE


def test_covariance_of_known_rows() -> None:
    mu = torch.tensor([[1.0, 2.0], [-1.0, -2.0], [3.0, 0.0], [1.0, 4.0]])  # means 1 and 1
    expected = torch.tensor([[8.0, 4.0], [4.0, 20.0]]) / 4
    assert torch.allclose(covariance(mu), expected)
    off, on = off_identity(covariance(mu))
    assert off.item() == pytest.approx(2 * 1.0**2)
    assert on.item() == pytest.approx((2.0 - 1.0) ** 2 + (5.0 - 1.0) ** 2)


def test_covariance_is_in_float32_under_autocast(generator) -> None:
    mu = 100.0 + torch.randn(64, 8, generator=generator)
    expected = torch.cov(mu.T, correction=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.allclose(covariance(mu), expected, atol=1e-4)


@pytest.mark.parametrize("variant", ["I", "II"])
def test_dip_vae_pays_for_covariances_and_variances(variant, vae: BetaVAE) -> None:
    x, noise = torch.rand(8, 3, 32, 32), torch.randn(8, 5)
    mu, logvar = posterior(vae, x)
    matrix = torch.cov(mu.T, correction=0)
    if variant == "II":
        matrix += torch.diag(logvar.exp().mean(0))
    pairs = itertools.permutations(range(5), 2)
    off = sum(matrix[i, j].item() ** 2 for i, j in pairs)
    on = sum((matrix[i, i].item() - 1.0) ** 2 for i in range(5))
    plain, _ = BetaVAEObjective(constant(2.0)).loss(vae, Batch(x), 0, noise)
    objective = DIPVAEObjective(constant(2.0), variant, lambda_od=1e4, lambda_d=300.0)
    loss, parts = objective.loss(vae, Batch(x), 0, noise)
    assert (loss - plain).item() == pytest.approx(1e4 * off + 300.0 * on, rel=1e-3)
    assert parts["covariances"].item() == pytest.approx(off, rel=1e-3)
    assert parts["variances"].item() == pytest.approx(on, rel=1e-4)


# sigma-VAE


def test_the_optimal_sigma_is_the_root_of_the_mean_squared_error() -> None:
    x = torch.zeros(2, 1, 4, 4)
    x_hat = torch.full((2, 1, 4, 4), 0.5)
    x_hat[1] = 0.1  # mean square (0.25 + 0.01) / 2
    log_sigma = optimal_log_sigma(x_hat, x).item()
    mse = 0.13
    assert log_sigma == pytest.approx(-6.0 + math.log1p(math.sqrt(mse) * math.exp(6.0)), rel=1e-5)
    assert log_sigma == pytest.approx(0.5 * math.log(mse), abs=0.008)  # the clip is far away
    exact = torch.tensor(0.5 * math.log(mse))
    best = gaussian_nll(x_hat, x, exact).mean()
    for other in (-0.05, 0.05):
        assert gaussian_nll(x_hat, x, exact + other).mean() > best
    assert optimal_log_sigma(x, x).item() == -6.0


def test_sigma_vae_is_the_gaussian_likelihood_at_that_sigma(vae: BetaVAE) -> None:
    x, noise = torch.rand(4, 3, 32, 32), torch.randn(4, 5)
    mu, logvar = posterior(vae, x)
    x_hat = vae.decode_logits(mu + (0.5 * logvar).exp() * noise)
    loss, parts = SigmaVAEObjective(constant(2.0)).loss(vae, Batch(x), 0, noise)
    sigma = parts["sigma"].item()
    assert sigma == pytest.approx((x_hat - x).square().mean().sqrt().item(), rel=0.01)
    nll = -Normal(x_hat, sigma).log_prob(x).sum((1, 2, 3)).mean()
    kl = kl_per_latent(mu, logvar).sum(1).mean()
    assert loss.item() == pytest.approx((nll + 2.0 * kl).item(), rel=1e-5)
    assert parts["recon"].item() == pytest.approx(nll.item(), rel=1e-5)


def test_sigma_vae_has_the_gradient_of_a_fixed_sigma_and_none_at_a_perfect_frame() -> None:
    x = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    x_hat = (x + 0.1).requires_grad_(True)
    log_sigma = optimal_log_sigma(x_hat, x)
    (gradient,) = torch.autograd.grad(gaussian_nll(x_hat, x, log_sigma).sum(), x_hat)
    variance = math.exp(2 * log_sigma.item())
    assert torch.allclose(gradient, torch.full_like(x, 0.1 / variance), rtol=1e-3)
    perfect = x.clone().requires_grad_(True)
    loss = gaussian_nll(perfect, x, optimal_log_sigma(perfect, x)).sum()
    assert torch.equal(torch.autograd.grad(loss, perfect)[0], torch.zeros_like(x))


def test_sigma_counts_pixels_by_their_weight() -> None:
    x, x_hat = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.2)
    x_hat[..., 0, 0] = 100.0
    weight = torch.ones(1, 1, 2, 2)
    weight[..., 0, 0] = 0.0
    log_sigma = optimal_log_sigma(x_hat, x, weight)
    assert log_sigma.exp().item() == pytest.approx(0.2, rel=0.02)
    counted = gaussian_nll(torch.full((1, 3, 2, 2), 0.2), x, log_sigma).item() * 3 / 4
    assert gaussian_nll(x_hat, x, log_sigma, weight).item() == pytest.approx(counted, rel=1e-5)


def test_sigma_vae_wants_a_gaussian_likelihood(store: FrameStore) -> None:
    config = VAEConfig(
        shape=(3, 32, 32), latents=2, channels=(4, 4, 4), hidden=8, likelihood="bernoulli"
    )
    with pytest.raises(ValueError, match="got bernoulli; train with --likelihood gaussian"):
        SigmaVAEObjective(constant(1.0)).pairing(Rows(store), BetaVAE(config))


# autoencoders


def test_the_autoencoder_decodes_the_mean(vae: BetaVAE) -> None:
    x = torch.rand(4, 3, 32, 32)
    mu, _ = posterior(vae, x)
    expected = S * (vae.decode_logits(mu) - x).square().sum((1, 2, 3)).mean()
    loss, parts = AutoencoderObjective().loss(vae, Batch(x), 0, torch.randn(4, 5))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert parts["kl"] == parts["beta"] == 0.0


def test_the_denoising_autoencoder_tells_the_whole_frame(vae: BetaVAE) -> None:
    x, noise = torch.rand(4, 3, 32, 32), torch.randn(4, 5)
    seen = damaged(x, generator_of(noise), noise=0.1, mask=1.0)
    mu, _ = posterior(vae, seen)
    expected = S * (vae.decode_logits(mu) - x).square().sum((1, 2, 3)).mean()
    objective = AutoencoderObjective(noise=0.1, mask=1.0)
    loss, _ = objective.loss(vae, Batch(x), 0, noise)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    again, _ = objective.loss(vae, Batch(x), 7, noise)
    other, _ = objective.loss(vae, Batch(x), 0, torch.randn(4, 5))
    assert again.item() == loss.item() != other.item()


def test_noise_has_its_deviation_and_a_mask_only_zeros(generator) -> None:
    x = torch.full((200, 1, 16, 16), 0.5)
    noisy = damaged(x, generator, noise=0.2, mask=0.0)
    assert (noisy - x).std().item() == pytest.approx(0.2, rel=0.02)
    masked = damaged(x, generator, noise=0.0, mask=1.0)
    assert set(masked.unique().tolist()) == {0.0, 0.5}
    assert torch.equal(damaged(x, generator, noise=0.0, mask=0.0), x)


@pytest.mark.parametrize("largest", [1.0, 0.5])
def test_rectangles_cover_a_ninth_of_their_window(largest: float, generator) -> None:
    hidden = rectangles(4000, 32, 48, generator, largest=largest)
    assert hidden.shape == (4000, 1, 32, 48)
    assert hidden.float().mean().item() == pytest.approx(largest**2 / 9, rel=0.06)
    rows, columns = hidden.any(3)[:, 0], hidden.any(2)[:, 0]
    assert torch.equal(hidden[:, 0], rows[:, :, None] & columns[:, None, :])
    assert rows.sum(1).max() <= 32 * largest + 1
    assert columns.sum(1).max() <= 48 * largest + 1
    assert (rows.int().diff(dim=1) == 1).sum(1).max() <= 1  # in one piece
    assert hidden.any(0)[0, 4:-4, 6:-6].all()  # anywhere; at the very edge hardly ever


# all of them


def made(name: str, **knobs: float):
    row = entry(name)
    return row.make(RAMPED, row.knobs("tuned", knobs), "")


SMALL = {"factor": {"width": 16}, "darla": {"dae_share": 0.5}}
CONFIG = VAEConfig(shape=(3, 32, 32), latents=6, channels=(8, 8, 8), hidden=16)


@pytest.mark.parametrize("name", NAMES)
def test_training_gets_better_and_the_settings_are_kept(
    name: str, store: FrameStore, tmp_path: Path
) -> None:
    objective = made(name, **SMALL.get(name, {}))
    pretrain(store, CONFIG, objective, steps=40, seed=0, out=tmp_path, train=QUICK)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["10", "20", "30", "40"]
    better, least = ("vae/recon", -200) if name in ("ae", "dae") else ("vae/elbo", 200)
    change = float(rows[-1][better]) - float(rows[0][better])
    assert change < least if least < 0 else change > least
    assert {"vae/recon", "vae/kl", "vae/beta"} <= set(rows[0])
    kept = BetaVAE.load(tmp_path).meta["training"]["objective"]
    assert kept == json.loads(json.dumps(objective.describe()))
    assert kept["name"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("preset", ["tuned", "paper"])
def test_every_preset_makes_an_objective(name: str, preset: str) -> None:
    row = entry(name)
    objective = row.make(RAMPED, row.knobs(preset, {}), "")
    assert json.loads(json.dumps(objective.describe())) == objective.describe()
    assert not row.pairs and not row.groups
    for text in (row.source, row.purpose, row.knob, row.cost):
        assert text


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_is_finite_under_autocast_and_moves_the_vae(name: str, vae: BetaVAE) -> None:
    objective = made(name, **SMALL.get(name, {}))
    batch, noise = Batch(torch.rand(8, 3, 32, 32)), torch.randn(8, 5)
    for step in (0, 1, 30):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss, parts = objective.loss(vae, batch, step, noise)
        assert loss.dtype == torch.float32 and torch.isfinite(loss)
        assert all(math.isfinite(number(value)) for value in parts.values())
        vae.zero_grad()
        loss.backward()
        objective.after_step(vae, batch, step)
        assert all(
            parameter.grad is not None and torch.isfinite(parameter.grad).all()
            for parameter in vae.parameters()
        )
        assert any(parameter.grad.abs().sum() > 0 for parameter in vae.parameters())


@pytest.mark.parametrize(
    ("name", "knobs", "message"),
    [
        ("tc", {"alpha": -1.0}, "not negative, got -1"),
        ("tc", {"beta": -1.0}, "not negative, got -1"),
        ("tc", {"gamma": math.nan}, "finite and not negative, got nan"),
        ("factor", {"gamma": -1.0}, "not negative, got -1"),
        ("factor", {"width": 0.0}, "width must be a whole number from 1 on, got 0"),
        ("factor", {"width": 2.5}, "width must be a whole number from 1 on, got 2.5"),
        ("factor", {"learning_rate": 0.0}, "learning_rate must be finite and positive, got 0"),
        ("dip1", {"lambda_od": -1.0}, "lambda_od must be finite and not negative, got -1"),
        ("dip2", {"lambda_d": -2.0}, "lambda_d must be finite and not negative, got -2"),
        ("dip1", {"beta": -1.0}, "not negative, got -1"),
        ("sigma", {"beta": -1.0}, "not negative, got -1"),
        ("control", {"kl": 0.0}, "kl must be finite and positive, got 0"),
        ("control", {"ki": -0.001}, "ki must be finite and not negative, got -0.001"),
        ("control", {"step": -1.0}, "step must be finite and positive, got -1"),
        ("control", {"every": 0.0}, "every must be a whole number from 1 on, got 0"),
        ("control", {"beta_min": 5.0, "beta_max": 4.0}, "beta_min must not exceed beta_max"),
        ("dae", {"noise": -0.1}, "noise must be finite and not negative, got -0.1"),
        ("dae", {"mask": 1.5}, "mask must be from 0 to 1, got 1.5"),
        ("darla", {"weight": 0.0}, "weight must be finite and positive, got 0"),
        ("darla", {"dae_share": 0.0}, "dae_share must be above 0 and below 1, got 0"),
        ("darla", {"dae_share": 1.0}, "dae_share must be above 0 and below 1, got 1"),
        ("ae", {"beta": 1.0}, "objective ae has no knob beta; it has: none"),
        ("control", {"beta": 1.0}, "objective control has no knob beta"),
    ],
)
def test_bad_knobs_are_refused(name: str, knobs: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(name, **knobs)
