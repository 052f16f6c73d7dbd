"""What makes training fast and keeps its memory flat, and that none of it changes the result."""

from __future__ import annotations

import logging
import resource
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.devices import keep_freed_memory
from bvae_rl.training import compiled
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.compiled import COMPILE_FROM, use_compiled, with_compiled_networks
from bvae_rl.training.loop import train_vae
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.schedules import Constant, Linear
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.trainer import Trainer, ahead

CONFIG = VAEConfig(shape=(3, 32, 32), latent_dim=6, channels=(8, 8, 8), hidden=16)
QUICK = TrainConfig(batch_size=16, warmup=5, log_freq=10, precision="float32", device="cpu")
CPU = torch.device("cpu")
MB = 2**20

linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc and glibc are Linux's")


def noise_store(folder: Path, rows: int) -> FrameStore:
    """Frames of 3 kB each, of episodes of 10."""
    store = FrameStore(folder)
    rng = np.random.default_rng(0)
    frames = rng.integers(256, size=(min(rows, 1000), 32, 32, 3), dtype=np.uint8)
    numbers = np.arange(rows)
    store.append(Frames(np.resize(frames, (rows, 32, 32, 3)), numbers // 10, numbers))
    return store


@pytest.fixture
def eager_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.compile with all but the compiler, which takes half a minute."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))


def own_memory() -> float:
    """Bytes of this process that are no file's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return 1024.0 * int(line.split()[1])
    pytest.skip("this kernel does not tell RssAnon")


@linux
def test_memory_stays_flat_on_a_store_that_is_not_read_into_it(tmp_path: Path) -> None:
    store = noise_store(tmp_path / "frames", 40_000)  # 120 MB, which stand for more than there is
    memory: list[float] = []
    train = replace(QUICK, log_freq=50, save_freq=50)
    train_vae(
        store, CONFIG, BetaVAEObjective(Constant(1.0)), steps=350, seed=0, out=tmp_path / "vae",
        train=train, callbacks=[lambda step, vae, metrics: memory.append(own_memory())],
    )  # fmt: skip
    # malloc settles in the first 150 steps
    assert max(memory[3:]) - memory[2] < 12 * MB  # a batch kept at each step would make 38


@linux
@pytest.mark.parametrize("size", [8 * MB, 48 * MB])  # glibc maps blocks of over 32 MB one by one
def test_freed_memory_is_not_asked_for_again(size: int) -> None:
    keep_freed_memory()

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(20):
            torch.zeros(size, dtype=torch.uint8)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    assert faults() < size // 4096  # the pages of one block; given back it would be those of 20


def test_the_gradient_is_bounded() -> None:
    torch.manual_seed(0)
    vae, objective = BetaVAE(CONFIG), BetaVAEObjective(Constant(1.0))
    train = replace(QUICK, max_grad_norm=1e-3)
    trainer = Trainer(vae, objective, train, steps=10, seed=0, device=CPU)
    batch = Batch(torch.rand(16, 3, 32, 32))
    logged = trainer.step(trainer.lay_out(batch), torch.randn(16, CONFIG.latent_dim), 0)
    assert float(logged["vae/gradient_norm"]) > 1.0  # before
    kept = torch.stack([p.grad.norm() for p in vae.parameters() if p.grad is not None])
    assert float(kept.norm()) == pytest.approx(1e-3, rel=1e-3)


def test_batches_come_in_order_and_one_ahead() -> None:
    drawn: list[int] = []
    second = threading.Event()

    def draw(step: int) -> int:
        drawn.append(step)
        if step == 4:
            second.set()
        return 10 * step

    batches = ahead(draw, 3, 7)
    assert next(batches) == 30
    assert second.wait(10.0)
    assert drawn == [3, 4]
    assert list(batches) == [40, 50, 60]


@pytest.mark.parametrize(("threads", "elsewhere"), [(1, True), (2, False)])
def test_computations_on_several_cores_draw_their_batches_themselves(
    threads: int, elsewhere: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    objective, drawers = BetaVAEObjective(Constant(1.0)), set()
    one = Trainer(BetaVAE(CONFIG), objective, QUICK, steps=5, seed=0, device=CPU)

    def pairing(store: FrameStore, rng: np.random.Generator, images: int) -> Batch:
        drawers.add(threading.current_thread())
        return Batch(torch.zeros(images, 3, 32, 32))

    shapes = [noise.shape for _, noise in one.batches(FrameStore(tmp_path), pairing, 3)]
    assert shapes == [(16, 6)] * 2
    assert (threading.current_thread() not in drawers) == elsewhere


def test_a_batch_that_cannot_be_drawn_is_an_error_of_its_step() -> None:
    def draw(step: int) -> int:
        if step == 2:
            raise ValueError("no such pairs")
        return step

    batches = ahead(draw, 0, 5)
    assert [next(batches), next(batches)] == [0, 1]
    with pytest.raises(ValueError, match="no such pairs"):
        next(batches)


def test_only_long_trainings_on_a_cpu_are_compiled_unasked() -> None:
    assert use_compiled("auto", COMPILE_FROM, CPU)
    assert not use_compiled("auto", COMPILE_FROM - 1, CPU)
    assert not use_compiled("auto", COMPILE_FROM, torch.device("cuda"))
    assert use_compiled(True, 1, CPU) and not use_compiled(False, COMPILE_FROM, CPU)


def test_compiled_networks_share_their_weights(eager_compile: None) -> None:
    torch.manual_seed(0)
    vae = BetaVAE(CONFIG)
    fast = with_compiled_networks(vae, images=4, bfloat16=False)
    assert fast is not vae and type(vae.encoder) is torch.nn.Sequential
    assert all(weight.grad is None for weight in vae.parameters())
    x, noise = torch.rand(4, 3, 32, 32), torch.randn(4, 6)
    x = x.to(memory_format=torch.channels_last)  # as batches are, else it compiles anew
    losses = [
        BetaVAEObjective(Linear(0.0, 1.0, 100)).loss(one, Batch(x), step, noise)[0]
        for one in (vae, fast)
        for step in (0, 50)
    ]
    torch.testing.assert_close(losses[2:], losses[:2])
    losses[3].backward()
    assert all(weight.grad is not None for weight in vae.parameters())
    for weight in vae.parameters():
        weight.data.mul_(2.0)
    torch.testing.assert_close(fast.encode(x), vae.encode(x))


def test_a_compiled_training_ends_as_another_does(eager_compile: None, tmp_path: Path) -> None:
    store = noise_store(tmp_path / "frames", 200)
    plain, fast = (
        train_vae(
            store, CONFIG, BetaVAEObjective(Linear(0.0, 1.0, 10)), steps=20, seed=0,
            out=tmp_path / str(compile), train=replace(QUICK, compile=compile),
        ).state_dict()
        for compile in (False, True)
    )  # fmt: skip
    assert list(fast) == list(plain)
    for name, tensor in plain.items():
        torch.testing.assert_close(fast[name], tensor, rtol=1e-3, atol=1e-4)


def test_without_a_compiler_training_goes_on_and_one_line_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no C++ compiler is here\nand a page of details")

    monkeypatch.setattr(compiled, "_compiled", missing)
    store = noise_store(tmp_path / "frames", 200)
    with caplog.at_level(logging.INFO):
        result = train_vae(
            store, CONFIG, BetaVAEObjective(Constant(1.0)), steps=2, seed=0, out=tmp_path / "vae",
            train=replace(QUICK, compile=True),
        )  # fmt: skip
    told = [record.getMessage() for record in caplog.records if "compile" in record.getMessage()]
    assert told == ["training without torch.compile: no C++ compiler is here"]
    assert np.isfinite(result.meta["scores"]["validation"]["vae/elbo"])


@pytest.mark.full
def test_the_compiler_keeps_the_results(tmp_path: Path) -> None:
    store = noise_store(tmp_path / "frames", 200)
    plain, fast = (
        train_vae(
            store, CONFIG, BetaVAEObjective(Linear(0.0, 1.0, 10)), steps=20, seed=0,
            out=tmp_path / str(compile), train=replace(QUICK, compile=compile),
        ).metrics
        for compile in (False, True)
    )  # fmt: skip
    assert fast["vae/elbo"] == pytest.approx(plain["vae/elbo"], rel=1e-3)
