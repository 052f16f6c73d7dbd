"""Training in several processes: equal to one process on the whole batch, resumed by all."""

from __future__ import annotations

import multiprocessing as mp
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bvae_rl.data.collect import collect_drawn
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.training.batches import Batch
from bvae_rl.training.distributed import Team, average, average_gradients, own_device, team
from bvae_rl.training.objectives import Objective
from bvae_rl.training.objectives.beta_vae import BetaVAEObjective
from bvae_rl.training.objectives.factor_vae import FactorVAEObjective
from bvae_rl.training.objectives.pair_supervised import PairSupervisedObjective
from bvae_rl.training.pretrain import NotFinite, TrainConfig, pretrain
from bvae_rl.training.schedules import constant

CONFIG = VAEConfig(
    shape=(3, 32, 32),
    latents=6,
    groups={"content": (0, 4), "look": (4, 6)},
    channels=(8, 8, 8),
    hidden=16,
)
TRAIN = TrainConfig(
    batch=16, warmup=5, log_every=5, checkpoint_every=4, precision="float32", device="cpu"
)
OBJECTIVES: dict[str, Callable[[], Objective]] = {
    "beta": lambda: BetaVAEObjective(constant(1.0)),
    "pairs": lambda: PairSupervisedObjective(constant(1.0)),
}
STEPS, PROCESSES, SECONDS = 10, 2, 60.0
CPU = torch.device("cpu")


class Killed(BaseException):
    """No error that a training handles."""


@dataclass(frozen=True)
class Dies(PairSupervisedObjective):
    def loss(
        self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        if step == 6:
            raise Killed
        return super().loss(vae, batch, step, noise)


@dataclass(frozen=True)
class Breaks(BetaVAEObjective):
    """The loss of the second process alone is NaN from step 3 on."""

    def loss(
        self, vae: BetaVAE, batch: Batch, step: int, noise: Tensor
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        loss, parts = super().loss(vae, batch, step, noise)
        return loss * (torch.nan if step >= 3 and os.environ["RANK"] == "1" else 1.0), parts


def train(
    folder: Path, out: str, objective: Objective, *, config: TrainConfig = TRAIN, **more: Any
) -> dict[str, Tensor]:
    """The weights after training on ``folder``/frames."""
    store = FrameStore(folder / "frames")
    result = pretrain(
        store, CONFIG, objective, steps=STEPS, seed=1, out=folder / out, train=config, **more
    )
    assert result.metrics["vae/elbo"] == result.vae.meta["scores"]["validation"]["vae/elbo"]
    return result.vae.state_dict()


def refuse(step: int, vae: BetaVAE, metrics: dict[str, float]) -> None:
    raise ValueError(f"refused in process {os.environ['RANK']}")


def one_of_two(rank: int, port: int, folder: Path) -> None:
    """What each of two processes does; a failure here is one of the test that starts them."""
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(PROCESSES),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    torch.set_num_threads(1)
    with team(CPU) as joined:  # in which each training below finds itself
        assert joined == Team(rank, PROCESSES)
        weights = {name: train(folder, name, make()) for name, make in OBJECTIVES.items()}
        with pytest.raises(Killed):
            train(folder, "killed", Dies(constant(1.0)))
        weights["killed"] = train(folder, "killed", OBJECTIVES["pairs"]())
        weights["factor"] = train(folder, "factor", FactorVAEObjective(
            constant(1.0), constant(1.0), width=8, learning_rate=1e-2
        ))  # fmt: skip
        with pytest.raises(ValueError, match="refused in process 0"):
            train(folder, "refused", OBJECTIVES["beta"](), callbacks=[refuse])
        with pytest.raises(NotFinite, match="the loss became nan on the batch of step 3"):
            train(folder, "broken", Breaks(constant(1.0)))
        if rank == 0:  # the one that writes it; the other may be here first
            kept = torch.load(folder / "broken" / "checkpoint.pt", weights_only=True)
            assert kept["step"] == 3
        with pytest.raises(ValueError, match="give them one folder that all of them can read"):
            joined.agreed(rank, "checkpoint")

        network = nn.Linear(1, 1)
        network.weight.grad = torch.full((1, 1), float(rank))
        average_gradients(network.parameters())
        assert network.weight.grad.item() == 0.5 and network.bias.grad is None
        assert average(torch.tensor(4.0 * rank)).item() == 2.0
    torch.save(weights, folder / f"weights-{rank}.pt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames, and what two processes made of them."""
    folder = tmp_path_factory.mktemp("distributed")
    store = FrameStore(folder / "frames")
    collect_drawn(PlanarReach(size=32, looks="pretrain"), store, 400, seed=0, views=2)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = mp.get_context("spawn")
    processes = [
        context.Process(target=one_of_two, args=(rank, port, folder)) for rank in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(SECONDS)
        if process.is_alive():
            process.kill()
    assert [process.exitcode for process in processes] == [0, 0]
    return folder


def weights_of(folder: Path, rank: int) -> dict[str, dict[str, Tensor]]:
    found: dict[str, dict[str, Tensor]] = torch.load(folder / f"weights-{rank}.pt")
    return found


@pytest.mark.parametrize("name", OBJECTIVES)
def test_two_processes_end_with_the_weights_of_one(name: str, folder: Path) -> None:
    alone = train(folder, f"{name}-alone", OBJECTIVES[name]())
    together = weights_of(folder, 0)[name]
    moved = BetaVAE.load(folder / name).state_dict()
    for key, tensor in alone.items():
        torch.testing.assert_close(together[key], tensor, rtol=1e-3, atol=1e-4)
        assert torch.equal(moved[key], together[key]), key


def test_a_killed_training_is_resumed_by_all_processes(folder: Path) -> None:
    for rank in range(PROCESSES):
        weights = weights_of(folder, rank)
        for key, tensor in weights["pairs"].items():
            assert torch.equal(weights["killed"][key], tensor), key


@pytest.mark.parametrize("name", [*OBJECTIVES, "killed", "factor"])
def test_all_processes_have_the_same_weights(name: str, folder: Path) -> None:
    first, second = (weights_of(folder, rank)[name] for rank in range(PROCESSES))
    for key, tensor in first.items():
        assert torch.equal(second[key], tensor), key


def test_only_one_process_logs(folder: Path) -> None:
    lines = (folder / "beta" / "log.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["step", "5", "10"]
    assert not (folder / "beta" / "checkpoint.pt").exists()


def test_shares_are_disjoint_and_keep_pairs_together() -> None:
    """Noise has the first frames of the pairs, then the second ones."""
    x, noise = torch.arange(4.0).reshape(4, 1, 1, 1), torch.arange(8.0).reshape(8, 1)
    batch = Batch(x, x + 4, torch.ones(4, 1, dtype=torch.bool))
    part, own = Team(1, 2).share(batch, noise)
    assert part.x.flatten().tolist() == [1, 3] and part.x2.flatten().tolist() == [5, 7]
    assert own.flatten().tolist() == [1, 3, 5, 7]
    single, own = Team(1, 2).share(Batch(x), noise[:4])
    assert single.x.flatten().tolist() == own.flatten().tolist() == [1, 3]
    quads = Batch(torch.arange(8.0).reshape(8, 1, 1, 1), take=torch.zeros(8, 1, dtype=torch.int64))
    part, own = Team(0, 2).share(quads, noise)
    assert part.x.flatten().tolist() == own.flatten().tolist() == [0, 2, 4, 6]


def test_a_batch_without_equal_shares_is_refused() -> None:
    batch = Batch(torch.zeros(3, 1, 1, 1), torch.zeros(3, 1, 1, 1))
    with pytest.raises(ValueError, match=r"groups of 2 has no equal shares for 2 .* multiple of 4"):
        Team(0, 2).share(batch, torch.zeros(6, 1))


def test_alone_nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    batch, noise, network = Batch(torch.zeros(3, 1, 1, 1)), torch.zeros(3, 1), nn.Linear(1, 1)
    with team(CPU) as alone:
        assert alone == Team() and alone.first
        assert alone.share(batch, noise) == (batch, noise)
        assert alone.joined(network) is network
        assert alone.first_does(lambda: 3) == 3
    network.weight.grad = torch.ones(1, 1)
    average_gradients(network.parameters())
    assert network.weight.grad.item() == 1.0
    assert average(torch.tensor(3.0, requires_grad=True)).requires_grad is False


def test_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert own_device(torch.device("cuda")) == torch.device("cuda", 3)
    assert own_device(torch.device("cuda", 1)) == torch.device("cuda", 1)
    assert own_device(CPU) == CPU
