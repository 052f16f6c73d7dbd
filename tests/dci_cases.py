"""Synthetic codes of graded quality, and the boosted trees that DCI is held against."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pytest

from bvae_rl.metrics import completeness, dci, disentanglement
from bvae_rl.metrics.inputs import split

ensemble = pytest.importorskip("sklearn.ensemble")


@dataclass(frozen=True)
class Comparison:
    """Disentanglement, completeness and informativeness (models, 3) and CPU seconds of both."""

    default: np.ndarray
    boosted: np.ndarray
    default_seconds: float
    boosted_seconds: float


def twenty_models(
    samples: int, factors: int = 7, latents: int = 10, *, seed: int = 0
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Independent uniform factors, and codes that are mixed, noisy, curved, doubled or shared."""
    random = np.random.default_rng(seed)
    v = random.uniform(-1, 1, size=(samples, factors))

    def noise(scale: float, width: int = factors) -> np.ndarray:
        return scale * random.normal(size=(samples, width))

    found = []
    for mix in (0, 0.1, 0.2, 0.35, 0.5, 0.7, 1):
        turn = np.linalg.qr(random.normal(size=(factors, factors)))[0]
        found.append(v @ ((1 - mix) * np.eye(factors) + mix * turn) + noise(0.05))
    found += [v + noise(scale) for scale in (0.1, 0.3, 0.6, 1.2)]
    for curve in (0.3, 0.8, 2):
        found.append(np.tanh(2 * v) + curve * np.roll(v, 1, 1) * np.roll(v, 2, 1) + noise(0.05))
    for twice in (1, 2, 3):
        doubled = np.concatenate([v, v[:, :twice]], axis=1)[:, :latents]
        found.append(doubled + noise(0.1, doubled.shape[1]))
    for shared in (1, 2, 3):
        z = v.copy()
        z[:, :shared] += np.roll(v, -shared, axis=1)[:, :shared]
        found.append(z + noise(0.05))
    return v, [np.concatenate([z, noise(0.3, latents - z.shape[1])], axis=1) for z in found]


def compare(factors: np.ndarray, models: list[np.ndarray]) -> Comparison:
    """Default DCI and 100 boosted trees of scikit-learn on the same continuous factors."""
    train, test = split(len(factors), test_fraction=0.25, seed=0)
    default, boosted, spent = [], [], np.zeros(2)
    for codes in models:
        start = time.process_time()
        found = dci(codes, factors)
        default.append([found.disentanglement, found.completeness, found.informativeness])
        middle = time.process_time()
        importance, scores = [], []
        for factor in factors.T:
            model = ensemble.GradientBoostingRegressor(random_state=0).fit(
                codes[train], factor[train]
            )
            importance.append(model.feature_importances_)
            scores.append(model.score(codes[test], factor[test]))
        matrix = np.stack(importance, axis=1)
        boosted.append([disentanglement(matrix), completeness(matrix), np.mean(scores)])
        spent += [middle - start, time.process_time() - middle]
    return Comparison(np.array(default), np.array(boosted), float(spent[0]), float(spent[1]))
