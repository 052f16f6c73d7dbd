"""Training in several processes at once, as ``torchrun --nproc-per-node N`` starts them.

Every process draws the same batch and trains on its share of it; gradients are averaged, so that
all have the same weights as one process that trains on the whole batch, up to rounding, and up to
what an objective computes over a batch (total correlation, covariance), which is then computed
over a share. Without torchrun all functions here do nothing, at no cost. It is for several GPUs or
machines: on one CPU two threads are faster than two processes.

    torchrun --nproc-per-node 2 -m bvae_rl.scripts.cli pretrain ...
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from bvae_rl.training.batches import Batch

T = TypeVar("T")
REFUSALS = (ValueError, TypeError, OSError, ImportError)  # what the command line shows as one line


@dataclass(frozen=True)
class Team:
    """The processes that train together; this one is number ``rank`` of ``size``."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that validates, logs and writes."""
        return self.rank == 0

    def share(self, batch: Batch, noise: Tensor) -> tuple[Batch, Tensor]:
        """The part of a batch, and of its noise (images, D), that this process trains on.

        What belongs together stays together: pairs, of which the noise has the first frames before
        the second ones, and quads. ValueError for a batch that has no equal shares.
        """
        if self.size == 1:
            return batch, noise
        blocks = batch.blocks if batch.x2 is None else 2
        if len(noise) % (blocks * self.size):
            raise ValueError(
                f"a batch of {len(noise)} images in groups of {blocks} has no equal shares for "
                f"{self.size} processes; make it a multiple of {blocks * self.size}"
            )
        rows = [block[self.rank :: self.size] for block in noise.chunk(blocks)]
        return batch.part(self.rank, self.size), torch.cat(rows)

    def joined(self, module: nn.Module) -> nn.Module:
        """``module``, with gradients that are averaged over the processes as they are computed."""
        if self.size == 1:
            return module
        # An objective may leave some weights out. Where none does, torch says once on stderr that
        # looking for them takes time, which is little for networks of this size.
        return DistributedDataParallel(module, find_unused_parameters=True)

    def first_does(self, work: Callable[[], T]) -> T:
        """``work`` is done by the first process alone; all return its result, or raise its error.

        The result has to pickle.
        """
        if self.size == 1:
            return work()
        outcome: list[Any] = [None, None]
        if self.first:
            try:
                outcome[0] = work()
            except REFUSALS as error:
                outcome[1] = error
        dist.broadcast_object_list(outcome, src=0)
        if outcome[1] is not None:
            raise outcome[1]
        result: T = outcome[0]
        return result

    def agreed(self, value: T, what: str) -> T:
        """``value``, which has to be the same in all processes; else a ValueError in all."""
        if self.size > 1:
            values: list[Any] = [None] * self.size
            dist.all_gather_object(values, value)
            if any(other != value for other in values):
                raise ValueError(
                    f"the processes see another {what} each ({values}); give them one folder that "
                    "all of them can read, and the same arguments"
                )
        return value


@contextmanager
def team(device: torch.device) -> Iterator[Team]:
    """The team that torchrun started, or that the caller has already joined; alone otherwise.

    Processes talk by NCCL on CUDA, each with a GPU of its own, and by gloo elsewhere.
    """
    if dist.is_available() and dist.is_initialized():
        yield Team(dist.get_rank(), dist.get_world_size())
    elif int(os.environ.get("WORLD_SIZE", "1")) > 1:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        try:
            yield Team(dist.get_rank(), dist.get_world_size())
            gc.collect()  # what DDP wrapped: its threads, alive when the interpreter ends, abort it
            dist.barrier()
        finally:
            dist.destroy_process_group()
    else:
        yield Team()


def own_device(device: torch.device) -> torch.device:
    """The device of this process: of several GPUs the one that torchrun numbered for it."""
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


def _size() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def average(value: Tensor) -> Tensor:
    """The mean of ``value`` over the processes, without its graph; itself in a single process."""
    value = value.detach()
    if _size() == 1:
        return value
    value = value.clone()
    dist.all_reduce(value)
    return value / _size()


@torch.no_grad()
def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Average the gradients of a network that an objective trains itself, after ``backward``.

    Parameters without a gradient are left out; they have to be the same in all processes.
    """
    if _size() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    if gradients:
        mean = average(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, part in zip(
            gradients, mean.split([gradient.numel() for gradient in gradients]), strict=True
        ):
            gradient.copy_(part.view_as(gradient))
