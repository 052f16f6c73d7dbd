"""One thread a process: with two each, two torch processes on two cores slow each other down."""

import logging
import os
from collections.abc import Iterator

import pytest

# Before the first import of torch or numpy, which read these once; child processes inherit them.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    """The command line logs to the stderr of its test, which is closed in the next one."""
    before = logging.root.handlers[:]
    yield
    logging.root.handlers[:] = before
