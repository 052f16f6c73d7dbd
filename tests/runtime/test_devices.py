"""What is asked of the machine, and what is left in it as it was."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from bvae_rl.runtime.devices import cores, has_fast_bfloat16, threads_per_worker
from bvae_rl.runtime.seeded import seeded


def test_workers_share_the_cores_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)
    assert cores() == 4 and [threads_per_worker(n) for n in (1, 2, 3, 9)] == [4, 2, 1, 1]
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    assert cores() == 64


@pytest.mark.parametrize("fast", [True, False])
def test_a_gpu_that_only_emulates_sixteen_bits_is_not_fast_in_them(
    fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def on(device: torch.device) -> Any:
        asked.append(device)
        return nullcontext()

    def supported(including_emulation: bool = True) -> bool:
        return fast or including_emulation

    monkeypatch.setattr(torch.cuda, "device", on)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    second = torch.device("cuda:1")
    assert has_fast_bfloat16(second) == fast and asked == [second]


def test_numbers_that_are_drawn_within_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(seed: int) -> None:
        raise AssertionError("what CUDA draws for an agent would follow from this seed")

    monkeypatch.setattr(torch.cuda, "manual_seed_all", never)
    before = torch.random.get_rng_state()
    with seeded(3):
        drawn = torch.rand(4)
    assert torch.equal(drawn, torch.rand(4, generator=torch.Generator().manual_seed(3)))
    assert torch.equal(torch.random.get_rng_state(), before)
