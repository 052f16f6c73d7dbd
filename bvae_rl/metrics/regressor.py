"""The network of the MLP probe: how well can factors be read from codes, at a fixed effort?

Two hidden layers of 256 SiLU units, AdamW with cosine decay, one network for all targets. A tenth
of the training samples is kept aside, and each factor's predictions are taken from the step at
which that tenth was predicted best; step 0 predicts the mean. So a factor that the codes do not
hold scores about 0 (-.2 at worst, where chance favours a later step) and not the negative value of
an overfitted network, and needs no early stop that would cost the others. Torch's global random
state is neither read nor changed.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch.nn.functional import linear, silu

_WIDTH, _BATCH, _RATE, _DECAY, _WARMUP, _EVERY = 256, 128, 5e-3, 0.3, 50, 50


def fit_predict(
    x: np.ndarray,
    y: np.ndarray,
    x_test: np.ndarray,
    *,
    owner: np.ndarray,
    seed: int,
    steps: int,
    aside: int | None = None,
) -> np.ndarray:
    """Predictions (N', M) for ``x_test`` (N', D), from a fit on ``x`` (N, D) and ``y`` (N, M).

    ``x`` is standardised already. ``owner`` (M,) numbers the factor each column of ``y`` belongs
    to; every factor weighs the same. ``aside`` first samples are kept aside; by default a tenth at
    random.
    """
    mean, scale = y.mean(axis=0), np.empty(y.shape[1])
    for factor in np.unique(owner):  # one scale per factor, so that circles stay round
        scale[owner == factor] = math.sqrt(y[:, owner == factor].var(axis=0).sum()) or 1.0
    with torch.inference_mode(False), torch.enable_grad():
        predicted = _fit_predict(
            _tensor(x), _tensor((y - mean) / scale), _tensor(x_test), owner, seed, steps, aside
        )
    return np.asarray(predicted.numpy() * scale + mean, dtype=np.float64)


def _fit_predict(
    x: torch.Tensor,
    y: torch.Tensor,
    x_test: torch.Tensor,
    owner: np.ndarray,
    seed: int,
    steps: int,
    aside: int | None,
) -> torch.Tensor:
    random = torch.Generator("cpu").manual_seed(seed)
    order = torch.randperm(len(x), generator=random, device="cpu")
    if aside is not None:
        order = torch.arange(len(x), device="cpu")
    kept = max(1, len(x) // 10 if aside is None else aside)
    x_kept, y_kept, x, y = x[order[:kept]], y[order[:kept]], x[order[kept:]], y[order[kept:]]
    weights = _weights([x.shape[1], _WIDTH, _WIDTH, y.shape[1]], random)
    optimizer = torch.optim.AdamW(weights, weight_decay=_DECAY, fused=True)
    member = torch.from_numpy(owner == np.arange(owner.max() + 1)[:, None]).float()  # (K, M)
    best = torch.full((len(member),), math.inf, device="cpu")
    predicted = torch.zeros(len(x_test), y.shape[1], device="cpu")
    for step in range(steps + 1):
        if step % _EVERY == 0 or step == steps:
            with torch.no_grad():
                error = member @ (_network(weights, x_kept) - y_kept).square().mean(dim=0)
                better = (error < best)[owner]  # (M,)
                best = torch.minimum(best, error)
                predicted[:, better] = _network(weights, x_test)[:, better]
        if step == steps:
            break
        warm = min(1.0, (step + 1) / _WARMUP)
        optimizer.param_groups[0]["lr"] = (
            _RATE * warm * 0.5 * (1 + math.cos(math.pi * step / steps))
        )
        rows = torch.randint(len(x), (min(_BATCH, len(x)),), generator=random, device="cpu")
        loss = (_network(weights, x[rows]) - y[rows]).square().sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return predicted


def _weights(sizes: list[int], random: torch.Generator) -> list[torch.Tensor]:
    """He initialisation, and a last layer of zeros: the first prediction is the mean."""
    weights = []
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        last = i == len(sizes) - 2
        matrix = torch.randn(fan_out, fan_in, generator=random, device="cpu", dtype=torch.float32)
        weights.append(matrix * (0.0 if last else math.sqrt(2 / fan_in)))
        weights.append(torch.zeros(fan_out, device="cpu", dtype=torch.float32))
    return [weight.requires_grad_() for weight in weights]


def _network(weights: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    for i in range(0, len(weights) - 2, 2):
        x = silu(linear(x, weights[i], weights[i + 1]))
    return linear(x, weights[-2], weights[-1])


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.astype(np.float32))
