"""Objectives that learn or steer beside the VAE: their step, their state, a killed run."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bvae_rl.collect import collect_drawn
from bvae_rl.envs.reach import PlanarReach
from bvae_rl.frames import FrameStore
from bvae_rl.model import BetaVAE, VAEConfig
from bvae_rl.objectives.companion import Companion
from bvae_rl.objectives.control_vae import ControlVAEObjective, control, set_point
from bvae_rl.objectives.elbo import elbo
from bvae_rl.objectives.entry import Ramped
from bvae_rl.objectives.factor_vae import (
    FactorVAEObjective,
    discriminator_loss,
    make_discriminator,
    permute_latents,
)
from bvae_rl.objectives.perceptual import PerceptualObjective, features
from bvae_rl.objectives.table import entry
from bvae_rl.pairs import Batch
from bvae_rl.pretrain import TrainConfig, pretrain
from bvae_rl.schedules import constant

CONFIG = VAEConfig(shape=(3, 32, 32), latents=5, channels=(8, 8, 8), hidden=16)
QUICK = TrainConfig(batch=16, warmup=5, log_every=4, checkpoint_every=4, precision="float32")
RAMPED = Ramped(lambda end, ramp: constant(end), ramp=1, steps=16)
SMALL = {
    "factor": {"width": 16},
    "darla": {"dae_share": 0.375},
    "control": {"kl": 1e-4, "ki": 100.0},
    "dae": {},
}


@pytest.fixture
def vae() -> BetaVAE:
    torch.manual_seed(0)
    return BetaVAE(CONFIG)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    store = FrameStore(tmp_path_factory.mktemp("frames"))
    collect_drawn(PlanarReach(size=32, looks="pretrain"), store, 400, seed=0)
    return store


def made(name: str):
    row = entry(name)
    return row.make(RAMPED, row.knobs("tuned", SMALL[name]), "")


# a killed run


@pytest.mark.parametrize(
    ("name", "killed_at"),
    # its checkpoint comes after a callback: the last one is 4 steps older
    [("factor", 8), ("control", 8), ("dae", 8), ("darla", 8), ("darla", 12)],
)
def test_a_killed_run_resumes_to_the_same_weights(
    name: str, killed_at: int, store: FrameStore, tmp_path: Path
) -> None:
    def kill(step: int, vae: BetaVAE, metrics: dict[str, float]) -> None:
        if step == killed_at:
            raise KeyboardInterrupt

    def run(folder: str, objective, **more):
        return pretrain(
            store, CONFIG, objective, steps=16, seed=1, out=tmp_path / folder, train=QUICK, **more
        )

    whole = made(name)
    expected = run("a", whole).vae.state_dict()
    with pytest.raises(KeyboardInterrupt):
        run("b", made(name), callbacks=[kill])
    resumed = made(name)
    found = run("b", resumed).vae.state_dict()
    for key, tensor in expected.items():
        assert torch.equal(tensor, found[key]), key
    assert equal(whole.state_dict(), resumed.state_dict())
    logs = [(tmp_path / folder / "log.csv").read_text().splitlines() for folder in "ab"]
    speed = logs[0][0].split(",").index("vae/images_per_second")
    rows = [[row.split(",")[:speed] for row in log] for log in logs]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("name", ["factor", "control", "darla"])
def test_an_objective_starts_afresh_with_a_second_run(
    name: str, store: FrameStore, tmp_path: Path
) -> None:
    objective = made(name)
    runs = [
        pretrain(store, CONFIG, objective, steps=8, seed=1, out=tmp_path / folder, train=QUICK)
        for folder in "ab"
    ]
    first, second = (run.vae.state_dict() for run in runs)
    assert all(torch.equal(first[key], second[key]) for key in first)


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


# companions


def line(vae: BetaVAE) -> nn.Linear:
    return nn.Linear(vae.latents, 1)


def test_a_companion_leaves_the_global_generator_alone_and_has_a_seed(vae: BetaVAE) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = Companion(line, learning_rate=0.1).network(vae)
    assert torch.equal(torch.rand(3), expected)
    second = Companion(line, learning_rate=0.1).network(vae)
    assert torch.equal(first.weight, second.weight)


def test_a_companion_learns_only_when_it_is_told_to(vae: BetaVAE) -> None:
    companion = Companion(line, learning_rate=0.1)
    z = torch.ones(4, 5, requires_grad=True)
    network = companion.network(vae)
    network(z).sum().backward()
    assert z.grad is not None and network.weight.grad is None
    before = network.weight.clone()
    value = companion.improve(lambda net: net(torch.ones(1, 5)).square().sum())
    assert value == pytest.approx(network_value(before, network.bias, 0.1, value))
    # Adam's first step is its learning rate, against the gradient's sign
    step = (network.weight - before).abs()
    assert torch.allclose(step, torch.full_like(step, 0.1), rtol=1e-3)
    assert not any(parameter.requires_grad for parameter in network.parameters())


def network_value(weight: torch.Tensor, bias: torch.Tensor, rate: float, value: float) -> float:
    """(sum of weights + bias before the step)^2; the bias moved by the rate in the step."""
    old = [(weight.sum() + bias + sign * rate).square().item() for sign in (-1, 1)]
    return min(old, key=lambda candidate: abs(candidate - value))


def test_a_companions_state_waits_for_its_network(vae: BetaVAE) -> None:
    companion = Companion(line, learning_rate=0.1)
    assert companion.state_dict() == {}
    companion.network(vae)
    x = torch.ones(2, 5)
    companion.improve(lambda net: net(x).square().sum())
    state = copy.deepcopy(companion.state_dict())
    other = Companion(line, learning_rate=0.1)
    other.load_state_dict(copy.deepcopy(state))
    assert equal(other.state_dict(), state)  # saved again before it was built: nothing is lost
    for one in (companion, other):
        one.network(vae)
        one.improve(lambda net: net(x).square().sum())
    assert equal(other.state_dict(), companion.state_dict())
    assert not equal(other.state_dict(), state)


# FactorVAE


def test_permuted_latents_keep_their_marginals_and_lose_their_company() -> None:
    column = torch.arange(500.0)
    z = torch.stack([column, column + 1000.0, column + 2000.0], dim=1)
    permuted = permute_latents(z, step=3)
    assert torch.equal(permuted.sort(0).values, z)
    ranks = permuted - torch.tensor([0.0, 1000.0, 2000.0])
    correlations = torch.corrcoef(ranks.T)
    assert correlations[0, 1].abs() < 0.15 and correlations[1, 2].abs() < 0.15
    assert torch.equal(permute_latents(z, step=3), permuted)
    assert not torch.equal(permute_latents(z, step=4), permuted)


def test_the_discriminators_loss_is_the_cross_entropy() -> None:
    zero = torch.zeros(3, 1)
    assert discriminator_loss(zero, zero).item() == pytest.approx(math.log(2.0))
    logits, permuted = torch.tensor([[2.0]]), torch.tensor([[-1.0]])
    expected = -0.5 * (math.log(1 / (1 + math.exp(-2.0))) + math.log(1 - 1 / (1 + math.exp(1.0))))
    assert discriminator_loss(logits, permuted).item() == pytest.approx(expected, rel=1e-5)


def test_the_papers_discriminator_has_six_layers_of_a_thousand() -> None:
    linear = [layer for layer in make_discriminator(10, 1000) if isinstance(layer, nn.Linear)]
    sizes = [(layer.in_features, layer.out_features) for layer in linear]
    assert sizes == [(10, 1000), *[(1000, 1000)] * 5, (1000, 1)]


def test_factor_vae_trains_on_one_half_and_pays_the_mean_logit(vae: BetaVAE) -> None:
    x, noise = torch.rand(8, 3, 32, 32), torch.randn(8, 5)
    objective = FactorVAEObjective(constant(2.0), constant(7.0), width=16)
    loss, parts = objective.loss(vae, Batch(x), 0, noise)
    e = elbo(vae, Batch(x[0::2]), noise[0::2])
    discriminator = make_discriminator(5, 16)
    discriminator.load_state_dict(objective.state_dict()["network"])
    tc = discriminator(e.z).mean()
    assert loss.item() == pytest.approx((e.recon + 2.0 * e.mean_kl + 7.0 * tc).item(), rel=1e-5)
    assert parts["tc"].item() == pytest.approx(tc.item(), rel=1e-4)
    other = torch.cat([x[0::2], torch.rand(4, 3, 32, 32)]).view(2, 4, 3, 32, 32)
    swapped = Batch(other.transpose(0, 1).reshape(8, 3, 32, 32))
    again, _ = objective.loss(vae, swapped, 0, noise)
    assert again.item() == pytest.approx(loss.item(), rel=1e-5)  # the other half changed


def test_factor_vae_wants_two_codes_to_permute(vae: BetaVAE) -> None:
    objective = FactorVAEObjective(constant(1.0), constant(1.0), width=16)
    with pytest.raises(ValueError, match="got 3 images in all; take at least 4"):
        objective.loss(vae, Batch(torch.rand(3, 3, 32, 32)), 0, torch.randn(3, 5))


def test_the_discriminator_learns_to_tell_dependent_latents(vae: BetaVAE) -> None:
    objective = FactorVAEObjective(constant(1.0), constant(1.0), width=32, learning_rate=1e-3)
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(64, 1, generator=generator)

    class Copies(nn.Module):
        """A VAE's encoder whose latents all say the same."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            which = x[:, 0, 0, 0].long()
            return torch.cat([shared[which].expand(-1, 5), torch.full((len(x), 5), -4.0)], dim=1)

    vae.encoder = Copies()
    x = torch.zeros(64, 3, 32, 32)
    x[:, 0, 0, 0] = torch.arange(64)
    for step in range(60):
        noise = torch.randn(64, 5, generator=generator)
        _, parts = objective.loss(vae, Batch(x), step, noise)
        objective.after_step(vae, Batch(x), step)
    assert float(parts["told"]) > 0.9
    assert float(parts["tc"]) > 1.0


# ControlVAE


def test_the_controller_by_hand() -> None:
    gains = {"kp": 0.01, "ki": 0.001, "beta_min": 1.0, "beta_max": 3.0}
    integral, beta = control(0.0, 0.0, **gains)
    assert integral == 0.0
    assert beta == pytest.approx(1.005)
    integral, beta = control(0.5, -20.0, **gains)  # the KL is 20 nats above the set point
    assert integral == pytest.approx(0.52)
    assert beta == pytest.approx(1.0 + 0.01 / (1.0 + math.exp(-20.0)) + 0.52)
    integral, beta = control(0.5, 20.0, **gains)
    assert integral == pytest.approx(0.48)
    assert beta == pytest.approx(1.48, abs=1e-6)


def test_the_controller_does_not_wind_up() -> None:
    gains = {"kp": 0.01, "ki": 0.001, "beta_min": 1.0, "beta_max": 3.0}
    integral = 0.0
    for _ in range(5000):  # far too long above: 100 nats * 5000 * 0.001 would be 500
        integral, beta = control(integral, -100.0, **gains)
    assert beta == 3.0
    for _ in range(100):  # and it comes back as fast as from the bound
        integral, beta = control(integral, 10.0, **gains)
    assert beta == pytest.approx(2.0, abs=1e-3)
    for _ in range(5000):
        integral, beta = control(integral, 1e6, **gains)
    assert beta == 1.0
    integral, beta = control(integral, -100.0, **gains)
    assert beta == pytest.approx(1.11, abs=1e-6)


def test_the_controller_steers_a_simple_plant_to_its_set_point() -> None:
    # a KL that answers to beta as 40 / (1 + beta), with a lag: 10 nats need beta = 3
    integral, kl = 0.0, 40.0
    for _ in range(4000):
        integral, beta = control(integral, 10.0 - kl, kp=0.01, ki=0.001, beta_min=0.0, beta_max=9.0)
        kl += 0.1 * (40.0 / (1.0 + beta) - kl)
    assert kl == pytest.approx(10.0, abs=0.01)
    assert beta == pytest.approx(3.0, abs=0.01)


def test_the_set_point_rises_in_steps_to_its_end() -> None:
    points = [set_point(step, kl=1.0, rise=0.2, every=10) for step in (0, 9, 10, 29, 30, 999)]
    assert points == pytest.approx([0.5, 0.5, 0.7, 0.9, 1.0, 1.0])
    assert set_point(0, kl=0.3, rise=0.2, every=10) == 0.3


def test_control_vae_weighs_the_kl_by_its_controller(vae: BetaVAE) -> None:
    x, noise = torch.rand(4, 3, 32, 32), torch.randn(4, 5)
    e = elbo(vae, Batch(x), noise)
    kl = e.mean_kl.item()
    objective = ControlVAEObjective(9.0, ki=0.1, beta_min=0.5, rise=3.0, every=1)
    integral = 0.0
    for step in range(3):
        for _ in range(2):  # asked twice, it moves once
            loss, parts = objective.loss(vae, Batch(x), step, noise)
        target = 0.5 + 3.0 * step
        integral, beta = control(integral, target - kl, kp=0.01, ki=0.1, beta_min=0.5, beta_max=3.0)
        assert parts["beta"] == pytest.approx(beta)
        assert parts["set_point"] == target
        assert loss.item() == pytest.approx(e.recon.item() + beta * kl, rel=1e-5)
        objective.after_step(vae, Batch(x), step)
        assert objective.state_dict() == {"integral": pytest.approx(integral)}


# DARLA


def test_features_are_the_last_convolution_before_its_nonlinearity(vae: BetaVAE) -> None:
    x = torch.rand(2, 3, 32, 32)
    layers = list(vae.encoder)  # unshuffle, three of convolution and SiLU, flatten, linear, ...
    y = x
    for layer in layers[:6]:
        y = layer(y)
    assert isinstance(layers[5], nn.Conv2d) and y.shape == (2, 8, 2, 2)
    assert torch.equal(features(vae.encoder, x), y.flatten(1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(features(vae.encoder, x), y.flatten(1))


def test_darla_goes_from_pixels_to_features(vae: BetaVAE) -> None:
    x, noise = torch.rand(4, 3, 32, 32), torch.randn(4, 5)
    objective = PerceptualObjective(constant(2.0), weight=3.0, dae_steps=2)
    e = elbo(vae, Batch(x), noise)
    for step in range(2):
        loss, parts = objective.loss(vae, Batch(x), step, noise)
        assert loss.item() == pytest.approx((e.recon + 2.0 * e.mean_kl).item(), rel=1e-5)
        objective.after_step(vae, Batch(x), step)
    frozen = copy.deepcopy(objective.state_dict())
    assert frozen["dae_recon"] > 0
    encoder = BetaVAE(VAEConfig(**{**CONFIG.to_dict(), "latents": 100})).encoder
    weights = frozen["dae"]["network"]
    encoder.load_state_dict(
        {key[8:]: value for key, value in weights.items() if key.startswith("encoder.")}
    )
    apart = features(encoder, vae.decode_logits(e.z)) - features(encoder, x)
    expected = 3.0 * apart.square().sum(1).mean() + 2.0 * e.mean_kl
    loss, parts = objective.loss(vae, Batch(x), 2, noise)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    assert parts["pixels"].item() == pytest.approx(e.recon.item(), rel=1e-5)
    objective.after_step(vae, Batch(x), 2)
    assert equal(objective.state_dict(), frozen)


def test_darlas_autoencoder_learns(vae: BetaVAE) -> None:
    x = torch.rand(1, 3, 1, 1).expand(8, 3, 32, 32).contiguous()
    objective = PerceptualObjective(constant(1.0), dae_steps=100)
    errors = []
    for step in range(30):
        _, parts = objective.loss(vae, Batch(x), step, torch.zeros(8, 5))
        objective.after_step(vae, Batch(x), step)
        errors.append(objective.state_dict()["dae_recon"])
        assert step == 0 or parts["dae"] == errors[-2]
    assert errors[-1] < 0.5 * errors[0]
