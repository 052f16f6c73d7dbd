"""A run folder has one owner: a second process gets one clear line, a killed one lets go."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest

from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.runtime.owner import owned
from bvae_rl.runtime.runs import RunError
from tests.owner_cases import holder


def frames(n: int) -> Frames:
    return Frames(np.zeros((n, 4, 4, 3), np.uint8), np.arange(n), np.arange(n))


def test_another_process_is_named_and_a_killed_one_is_succeeded(tmp_path: Path) -> None:
    process = holder(tmp_path)
    with (
        pytest.raises(RunError, match=rf"is in use by process {process.pid} on \S+ since 2"),
        owned(tmp_path),
    ):
        pass
    store = FrameStore(tmp_path)
    with pytest.raises(RunError, match="wait until it is done, or choose another folder"):
        store.append(frames(2))
    assert not (tmp_path / "frames.raw").exists()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            store.append(frames(2))
            break
        except RunError:
            time.sleep(0.05)
    assert len(FrameStore(tmp_path)) == 2


def test_a_process_may_hold_its_folder_again(tmp_path: Path) -> None:
    with owned(tmp_path), owned(tmp_path):
        assert (tmp_path / ".owner.json").exists()
    assert not (tmp_path / ".owner.json").exists()
    with owned(tmp_path):
        pass


def test_a_store_that_grew_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    late, early = FrameStore(tmp_path), FrameStore(tmp_path)
    early.append(frames(3))
    with pytest.raises(ValueError, match="holds 3 frames now, and 0 when it was opened"):
        late.append(frames(2))
    FrameStore(tmp_path).verify()
