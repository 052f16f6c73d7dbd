"""ControlVAE: the controller by hand, on a simple plant, and in the loss."""

from __future__ import annotations

import math

import pytest
import torch

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.objectives.control_vae import ControlVAEObjective, control, set_point
from bvae_rl.training.objectives.elbo import elbo
from tests.objective_cases import make_vae


@pytest.fixture
def vae() -> BetaVAE:
    return make_vae()


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
