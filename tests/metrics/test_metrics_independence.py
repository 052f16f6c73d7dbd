"""Independence of latents: closed cases, and the bent plane that it is there to see."""

import numpy as np
import pytest

from bvae_rl.metrics import independence


def test_independent_latents_score_one_and_copies_nothing() -> None:
    z = np.random.default_rng(0).uniform(size=(4000, 3))
    found = independence(z)
    assert found.score == pytest.approx(1, abs=0.01) and (found.shares.diagonal() == 0).all()
    twice = independence(np.stack([z[:, 0], -2 * z[:, 0]], axis=1))
    assert twice.score == pytest.approx(0, abs=1e-9) and twice.shares[0, 1] == pytest.approx(1)


def test_a_bent_plane_scores_less_than_a_straight_one_at_equal_correlation() -> None:
    x, y = np.random.default_rng(0).uniform(-1, 1, size=(2, 4000))
    angle = 2 * x  # a horseshoe: x along it, y across
    bent = np.stack([(2 + y) * np.sin(angle), (2 + y) * np.cos(angle)], axis=1)
    assert abs(np.corrcoef(bent.T)[0, 1]) < 0.05
    assert independence(np.stack([x, y], axis=1)).score > 0.98
    assert independence(bent).score < 0.93


def test_what_is_not_active_does_not_count() -> None:
    z = np.random.default_rng(0).uniform(size=(2000, 2))
    three = np.column_stack([z, z[:, 0]])
    assert independence(three).score < 0.4
    assert independence(three, active=[True, True, False]).score > 0.98
    assert independence(np.column_stack([z, np.zeros(2000)])).score > 0.98
    assert independence(z[:, :1]).score == independence(np.zeros((50, 2))).score == 1.0
