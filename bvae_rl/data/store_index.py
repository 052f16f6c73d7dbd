"""``store.json`` of a frame store: how many rows count, their layout, checksums, and origin."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bvae_rl.data.factors import FactorSpec
from bvae_rl.runtime.identity import fingerprint
from bvae_rl.runtime.runs import INDEX

FORMAT = 2
EARLIER = {"look": "appearance"}  # roles of factors in stores of format 1


@dataclass
class Index:
    """What ``store.json`` holds."""

    rows: int = 0
    arrays: dict[str, dict[str, Any]] = field(default_factory=dict)  # name -> dtype, row shape
    blocks: list[dict[str, Any]] = field(default_factory=list)  # rows and CRC32 of each block
    factor_specs: list[dict[str, Any]] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    wanted: int = 0  # rows that are to come, where that is known
    format: int = FORMAT
    checksum: str = ""  # of all the above; stores of format 1 have none

    def described(self) -> str:
        """SHA-256 of what the index says of the frames."""
        return fingerprint({k: v for k, v in asdict(self).items() if k != "checksum"})


def spec_of(stored: dict[str, Any]) -> FactorSpec:
    """A factor as it was written, also by an earlier version."""
    role = EARLIER.get(stored["role"], stored["role"])
    return FactorSpec(**{**stored, "values": tuple(stored["values"]), "role": role})


def read_index(folder: Path) -> Index:
    """The index of ``folder``, an empty one if it has none; ValueError for a broken one."""
    path = folder / INDEX
    if not path.exists():
        return Index()
    try:
        index = Index(**json.loads(path.read_text()))
    except (json.JSONDecodeError, TypeError) as error:
        raise ValueError(f"{path} is not a frame store's index: {error}") from error
    if index.format > FORMAT:
        raise ValueError(
            f"{folder} has store format {index.format}; this version reads up to {FORMAT}: update "
            "bvae_rl"
        )
    if index.format > 1 and index.checksum != index.described():
        raise ValueError(
            f"{path} has been changed since it was written (its checksum differs); delete the "
            "folder and collect again"
        )
    return index
