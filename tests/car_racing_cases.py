"""Where CarRacing can be tested; continuous integration must, where there are wheels."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

import pytest


def need(module: str, extra: str) -> None:
    """Skip what calls this where ``module`` is missing; with the variable CI set, fail it."""
    if find_spec(module) is not None:
        return
    reason = f'{module} is missing: pip install "bvae-rl[{extra}]"'
    if os.environ.get("CI") and sys.version_info < (3, 14):  # for 3.14 there are no wheels yet
        pytest.fail(f"CI has to test CarRacing: {reason}")
    pytest.skip(reason, allow_module_level=True)
