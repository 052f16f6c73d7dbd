"""Networks that an objective trains beside the VAE."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.objectives.auxiliary import AuxiliaryNetwork
from tests.objective_cases import equal, make_vae


@pytest.fixture
def vae() -> BetaVAE:
    return make_vae()


def line(vae: BetaVAE) -> nn.Linear:
    return nn.Linear(vae.latent_dim, 1)


def test_a_companion_leaves_the_global_generator_alone_and_has_a_seed(vae: BetaVAE) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = AuxiliaryNetwork(line, learning_rate=0.1).network(vae)
    assert torch.equal(torch.rand(3), expected)
    second = AuxiliaryNetwork(line, learning_rate=0.1).network(vae)
    assert torch.equal(first.weight, second.weight)


def test_a_companion_learns_only_when_it_is_told_to(vae: BetaVAE) -> None:
    auxiliary = AuxiliaryNetwork(line, learning_rate=0.1)
    z = torch.ones(4, 5, requires_grad=True)
    network = auxiliary.network(vae)
    network(z).sum().backward()
    assert z.grad is not None and network.weight.grad is None
    before = network.weight.clone()
    value = auxiliary.improve(lambda net: net(torch.ones(1, 5)).square().sum())
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
    auxiliary = AuxiliaryNetwork(line, learning_rate=0.1)
    assert auxiliary.state_dict() == {}
    auxiliary.network(vae)
    x = torch.ones(2, 5)
    auxiliary.improve(lambda net: net(x).square().sum())
    state = copy.deepcopy(auxiliary.state_dict())
    other = AuxiliaryNetwork(line, learning_rate=0.1)
    other.load_state_dict(copy.deepcopy(state))
    assert equal(other.state_dict(), state)  # saved again before it was built: nothing is lost
    for one in (auxiliary, other):
        one.network(vae)
        one.improve(lambda net: net(x).square().sum())
    assert equal(other.state_dict(), auxiliary.state_dict())
    assert not equal(other.state_dict(), state)
