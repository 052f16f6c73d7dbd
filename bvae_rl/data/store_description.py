"""What a frame store holds, in lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bvae_rl.data.coverage.figures import summary
from bvae_rl.data.coverage.file import kept

if TYPE_CHECKING:
    from bvae_rl.data.frame_store import FrameStore

UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def description(store: FrameStore) -> str:
    """Frames and their size, episodes, factors, actions, coverage, and how it was made.

    Reads the column ``episode``, and no frames.
    """
    if not len(store):
        return f"{store.folder}: no frames yet"
    channels, height, width = store.shape
    size = len(store) * channels * height * width
    lines = [
        f"{store.folder}: {len(store):,} frames of {height}x{width}x{channels} ({_bytes(size)})"
    ]
    if store.missing:
        lines.append(f"  missing   {store.missing:,} frames of an interrupted collection")
    episode, state = store.column("episode"), store.column("state")
    lines.append(f"  episodes  {_lengths(np.unique(episode, return_counts=True)[1])}")
    if (states := len(np.unique(state))) < len(state):
        lines.append(f"  states    {states:,}, each in {len(state) / states:.3g} views on average")
    for spec in store.factor_specs:
        kind = "" if spec.kind == "continuous" else f", {spec.kind}"
        lines.append(f"  factor    {spec.name}: {spec.role}{kind}, {spec.range_text}")
    if not store.factor_specs:
        lines.append("  factors   none known")
    if (shape := store.layout.get("actions")) is not None:
        lines.append(f"  actions   {int(np.prod(shape))} a frame")
    if (found := kept(store)) is not None:
        lines.append(f"  coverage  {summary(found).removeprefix('coverage ')}")
    made = ", ".join(
        f"{name}={value}" for name, value in store.meta.items() if value not in (None, [])
    )
    lines.append(f"  made      {made or 'in a way that nobody stated'}")
    return "\n".join(lines)


def _bytes(size: int) -> str:
    unit, scale = next((one for one in UNITS if size >= one[1]), ("B", 1.0))
    return f"{size / scale:.3g} {unit}"


def _lengths(counts: np.ndarray) -> str:
    if counts.min() == counts.max():
        return f"{len(counts):,}, of {counts[0]:,} frames each"
    return (
        f"{len(counts):,}, of {counts.min():,} to {counts.max():,} frames (median "
        f"{np.median(counts):,.0f})"
    )
