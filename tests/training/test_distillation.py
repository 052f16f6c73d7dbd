"""The loss of invariance distillation, and the variances that it sets."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.training.augment.variations import named, vary
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.batches.rows import Rows
from bvae_rl.training.objectives.autoencoder import generator_of
from bvae_rl.training.objectives.distillation import (
    LEAST_STD,
    TOLERANCE,
    InvarianceDistillation,
    charbonnier,
)
from tests.objective_cases import drawn, equal, make_vae, number


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return drawn(tmp_path_factory.mktemp("frames"), 64)


def student_of(teacher: BetaVAE, *, moved: float = 0.0) -> BetaVAE:
    """A copy whose means are ``moved`` from the teacher's."""
    student = BetaVAE(teacher.config)
    student.load_state_dict(teacher.state_dict())
    last = student.encoder[-1]
    assert isinstance(last, torch.nn.Linear)
    with torch.no_grad():
        last.bias[: teacher.latent_dim] += moved
    return student.train()


def parted() -> BetaVAE:
    """A teacher of three content and two style latents."""
    config = replace(make_vae().config, groups={"content": (0, 3), "style": (3, 5)})
    torch.manual_seed(0)
    return BetaVAE(config).eval()


def noise_of(teacher: BetaVAE) -> torch.Tensor:
    return torch.randn(8, teacher.latent_dim, generator=torch.Generator().manual_seed(1))


def test_small_errors_count_by_their_square_and_large_ones_by_their_size() -> None:
    error = torch.tensor([0.0, 1e-3, 30.0, -40.0], dtype=torch.float64)
    found = charbonnier(error, 0.1)
    assert found.tolist() == pytest.approx([0.0, 1e-6 / 0.2, 29.9, 39.9], rel=1e-4)
    whole = charbonnier(torch.tensor(0.3), 0.4)  # 3, 4, 5
    assert float(whole) == pytest.approx(0.1)


def test_a_copy_is_at_no_distance_and_a_moved_one_at_that_of_its_shift(store: FrameStore) -> None:
    teacher = make_vae().eval()
    noise = noise_of(teacher)
    batch = Batch(torch.rand(8, 3, 32, 32))
    for moved in (0.0, 0.3):
        objective = InvarianceDistillation(teacher, clean=4, strength=0.0)
        objective.pairing(Rows(store), teacher)
        std = objective._scale["std"]
        assert (std >= LEAST_STD).all()
        expected = float(charbonnier(moved / std, TOLERANCE).mean())
        loss, parts = objective.loss(student_of(teacher, moved=moved), batch, 0, noise)
        assert number(parts["distance"]) == pytest.approx(expected, abs=1e-5)
        assert number(parts["distance_clean"]) == pytest.approx(expected, abs=1e-5)
        assert number(loss) == pytest.approx((1 + 4 / 8) * expected, abs=1e-5)


def test_the_student_sees_varied_frames_and_the_teacher_clean_ones(store: FrameStore) -> None:
    teacher = make_vae().eval()
    noise = noise_of(teacher)
    x = torch.rand(8, 3, 32, 32)
    objective = InvarianceDistillation(teacher, ("colour",))
    objective.pairing(Rows(store), teacher)
    student = student_of(teacher)
    found, _ = objective.loss(student, Batch(x), 0, noise)
    with torch.no_grad():
        varied = vary(x, named(["colour"]), generator_of(noise))
        away = student.encode(varied)[0] - teacher.encode(x)[0]
    expected = charbonnier(away / objective._scale["std"], TOLERANCE).mean()
    assert number(found) == pytest.approx(float(expected))
    found.backward()
    assert all(p.grad is None for p in student.decoder.parameters())


def test_variances_are_the_mean_squared_distance_to_the_teachers_posterior(
    store: FrameStore,
) -> None:
    teacher = make_vae().eval()
    student = student_of(teacher, moved=0.5)
    noise = noise_of(teacher)
    batch = Batch(torch.rand(8, 3, 32, 32))
    objective = InvarianceDistillation(teacher, strength=0.0)
    objective.pairing(Rows(store), teacher)
    objective.loss(student, batch, 0, noise)
    objective.after_step(student, batch, 0)
    with torch.no_grad():
        expected = 0.25 + teacher.encode(batch.x)[1].exp().mean(0)
        logvar = student.encode(torch.rand(3, 3, 32, 32))[1]
    assert torch.allclose(logvar.exp(), expected.expand(3, -1), rtol=1e-4)
    other = InvarianceDistillation(teacher, strength=0.0)
    other.load_state_dict(objective.state_dict())
    assert equal(other.state_dict(), objective.state_dict())


def test_variances_are_a_running_mean_over_steps(store: FrameStore) -> None:
    teacher = make_vae().eval()
    noise = noise_of(teacher)
    batch = Batch(torch.rand(8, 3, 32, 32))
    objective = InvarianceDistillation(teacher, strength=0.0)
    objective.pairing(Rows(store), teacher)
    for step, moved in enumerate((0.5, 1.0)):
        student = student_of(teacher, moved=moved)
        objective.loss(student, batch, step, noise)
        objective.after_step(student, batch, step)
    with torch.no_grad():
        own = teacher.encode(batch.x)[1].exp().mean(0)
    expected = 0.99 * (0.25 + own) + 0.01 * (1.0 + own)
    assert torch.allclose(objective.state_dict()["variance"], expected, rtol=1e-4)


def test_clean_frames_are_clean_and_what_is_not_learned_keeps_its_variance(
    store: FrameStore,
) -> None:
    teacher = parted()
    noise = noise_of(teacher)
    x = torch.rand(8, 3, 32, 32)
    objective = InvarianceDistillation(teacher, latents="content", clean=4)
    objective.pairing(Rows(store), teacher)
    student = student_of(teacher)
    _, parts = objective.loss(student, Batch(x), 0, noise)
    assert number(parts["distance_clean"]) == pytest.approx(0.0, abs=1e-6)
    with torch.no_grad():
        target, logvar = teacher.encode(x)
        varied = vary(x, named(["colour"]), generator_of(noise))
        moved = (student.encode(varied)[0] - target).square().mean(0)
    assert (moved[:3] > 1e-6).all()
    objective.after_step(student, Batch(x), 0)
    expected = logvar.exp().mean(0)
    expected[:3] += moved[:3]
    assert torch.allclose(objective.state_dict()["variance"], expected, rtol=1e-4)


def test_a_step_that_is_refused_leaves_the_variances_as_they_were(store: FrameStore) -> None:
    teacher = make_vae().eval()
    student = student_of(teacher, moved=0.5)
    noise = noise_of(teacher)
    batch = Batch(torch.rand(8, 3, 32, 32))
    objective = InvarianceDistillation(teacher, strength=0.0)
    objective.pairing(Rows(store), teacher)
    for _ in range(2):
        objective.loss(student_of(teacher, moved=float("nan")), batch, 0, noise)  # and no step
        objective.loss(student, batch, 0, noise)
        objective.after_step(student, batch, 0)
    variance = objective.state_dict()["variance"]
    assert variance.isfinite().all()
    objective.load_state_dict({})  # to where nothing was known
    assert objective.state_dict() == {}
    objective.load_state_dict({"variance": variance})
    objective.pairing(Rows(store), teacher)  # another training
    assert objective.state_dict() == {}


def test_content_is_learned_from_varied_frames_and_style_from_clean_ones_alone(
    store: FrameStore,
) -> None:
    teacher = parted()
    noise = noise_of(teacher)
    x = torch.rand(8, 3, 32, 32)
    objective = InvarianceDistillation(teacher, latents="content")
    objective.pairing(Rows(store), teacher)
    student = student_of(teacher)
    loss, _ = objective.loss(student, Batch(x), 0, noise)
    loss.backward()
    last = student.encoder[-1]
    assert isinstance(last, torch.nn.Linear) and last.weight.grad is not None
    moved = last.weight.grad.abs().sum(1) > 0
    assert moved.tolist() == [True] * 3 + [False] * 7


def test_a_latent_of_a_clean_frame_counts_as_one_of_a_varied_frame(store: FrameStore) -> None:
    teacher = parted()
    objective = InvarianceDistillation(teacher, latents="content", clean=4, strength=0.0)
    objective.pairing(Rows(store), teacher)
    noise = noise_of(teacher)
    batch = Batch(torch.rand(8, 3, 32, 32))
    loss, _ = objective.loss(student_of(teacher, moved=0.3), batch, 0, noise)
    errors = charbonnier(0.3 / objective._scale["std"], TOLERANCE)
    expected = (8 * errors[:3].sum() + 4 * errors.sum()) / (8 * 3)
    assert number(loss) == pytest.approx(float(expected), abs=1e-5)


def test_another_drawing_of_a_variation_is_another_training() -> None:
    teacher = make_vae()
    old = InvarianceDistillation(teacher, ("colour", "light")).identity()
    new = InvarianceDistillation(teacher, ("colour", "texture")).identity()
    assert "versions" not in old and new["versions"] == {"texture": 2}
