"""What the library says while it works, in a program that has not set up ``logging``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

PACKAGE = "bvae_rl"


@contextmanager
def talking(verbose: int) -> Iterator[None]:
    """Show the package's messages on standard error inside the block, progress included.

    Nothing changes with ``verbose`` 0, and where somebody has given logging a handler.
    """
    logger = logging.getLogger(PACKAGE)
    if not verbose or logger.hasHandlers():
        yield
        return
    level, handler = logger.level, logging.StreamHandler()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
