"""Which device to compute on, with how many threads, in what precision, and with what memory."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Literal

import torch

Precision = Literal["auto", "float32", "bfloat16"]
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of malloc.h


def pick_device(name: str = "auto") -> torch.device:
    """``auto``: CUDA, else MPS, else the CPU. Other names are torch's own; ValueError if absent."""
    if name != "auto":
        try:
            device = torch.device(name)
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError) as error:
            why = "" if "device type" in str(error) else f": {error}"  # which lists twenty types
            raise ValueError(
                f"cannot compute on device {name!r}{why}; use auto, cpu, cuda, cuda:1 or mps"
            ) from error
        return device
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def set_threads(threads: int | None) -> None:
    """Compute with that many CPU threads from now on; None: as before. ValueError below 1."""
    if threads is None:
        return
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
    torch.set_num_threads(threads)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 autocast pays: CUDA that computes in it, CPUs with AVX512-BF16 or AMX."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text() if cpuinfo.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def use_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Resolve ``precision`` on ``device``; ``auto`` asks the hardware."""
    if precision == "auto":
        return has_fast_bfloat16(device)
    return precision == "bfloat16"


def threads_per_worker(workers: int) -> int:
    """Cores divided by workers: more makes processes slow each other down several times over."""
    return max(1, cores() // max(1, workers))


def cores() -> int:
    """How many this process may use: all, or as many as a batch system or ``taskset`` leaves it."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_here() -> int:
    """How many threads this process may compute with, a worker its share: torch's own number."""
    return max(1, torch.get_num_threads())


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, for the next step: faster on a CPU.

    glibc gives large blocks back to the kernel and gets them again at each training step, page by
    page and zeroed. Nothing happens where the C library is another one.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return
    mallopt(M_MMAP_MAX, 0)  # blocks of over 32 MB too, which no M_MMAP_THRESHOLD reaches
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
