"""One thread a process: with two each, two torch processes on two cores slow each other down."""

import logging
import os
from collections.abc import Iterator

import pytest

from bvae_rl.runtime.optional import require

# Before the first import of torch or numpy, which read these once; child processes inherit them.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    """The command line logs to the stderr of its test, which is closed in the next one."""
    before = logging.root.handlers[:]
    yield
    logging.root.handlers[:] = before


@pytest.fixture(autouse=True, scope="session")
def _no_pictures() -> Iterator[None]:
    """Trainings of a few steps end without their pictures, which take ten times as long."""

    def refused(module: str, *, extra: str) -> None:
        raise ImportError(f"{module} is left out of this test")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bvae_rl.training.pictures.of_vae.require", refused)
        yield


@pytest.fixture(scope="module")
def pictures() -> Iterator[None]:
    """Trainings draw, as they do for a user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bvae_rl.training.pictures.of_vae.require", require)
        yield
