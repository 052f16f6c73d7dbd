"""Encoders of the pictures of a Dict by their keys, as torch's modules can be called.

A module's name holds no dot, and is none that ``nn.ModuleDict`` has itself: LeRobot's keys are like
``observation.images.front``.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

EACH = ".encoders."  # in the dotted name of one for each picture of a Dict, before its own
DOT, OWN = "\u2024", "key "  # stand for a dot, and before a name that ModuleDict has itself


def module_name(key: str) -> str:
    """What the module for the picture ``key`` is called."""
    name = key.replace(".", DOT)
    return f"{OWN}{name}" if hasattr(nn.ModuleDict(), name) else name


def picture_of(where: str) -> str:
    """The key of the picture that the module at ``where`` is for; "" where it is for all."""
    name = where.rpartition(EACH)[2] if EACH in where else ""
    return name.removeprefix(OWN).replace(DOT, ".")


def named_modules(each: Mapping[str, nn.Module]) -> nn.ModuleDict:
    """The modules of pictures, by their keys."""
    return nn.ModuleDict({module_name(key): module for key, module in each.items()})
