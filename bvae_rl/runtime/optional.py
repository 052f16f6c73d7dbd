"""Packages that only some features need, with the extra that brings each one."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def require(module: str, *, extra: str) -> ModuleType:
    """Import ``module`` (dotted name) or raise an ImportError that names the extra to install."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"this feature needs the package {package!r}, which could not be imported ({error}); "
            f'install it with: pip install "bvae-rl[{extra}]"'
        ) from error
