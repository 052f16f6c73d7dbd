"""Random numbers of torch that leave no trace in those of whoever called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within, torch's generator on the CPU begins at ``seed``; afterwards it goes on as before.

    ``torch.manual_seed`` would also seed those of CUDA and MPS, which nothing brings back.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
