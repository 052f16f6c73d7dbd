"""An episode for the Rerun viewer (.rrd): frames, reconstructions, latents and factors by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bvae_rl.plots.board import check_frames
from bvae_rl.runtime.optional import require

APPLICATION = "bvae_rl"
STEP = "step"  # the timeline
QUALITY = 95  # of the JPEGs


def episode_rrd(
    frames: NDArray[np.uint8],
    decoded: NDArray[np.uint8] | None,
    codes: ArrayLike,
    latent_names: Sequence[str],
    factors: ArrayLike | None = None,
    factor_names: Sequence[str] = (),
    *,
    name: str = "episode",
) -> bytes:
    """The bytes of a ``.rrd`` file: one recording, T steps of an episode, with a layout of views.

    ``frames`` and ``decoded`` (T, H, W, C) uint8, of 1 or 3 channels; ``codes`` (T, D) as
    ``latents/NAME``, ``factors`` (T, K) as ``factors/NAME``. ``rerun FILE`` shows it. Frames of
    three channels are kept as JPEGs. ValueError if sizes do not agree, ImportError without the
    extra ``rerun``.
    """
    z = np.asarray(codes, float)
    truth = np.empty((len(z), 0)) if factors is None else np.asarray(factors, float)
    names = list(factor_names) if factors is not None else []
    check_frames(frames, 4)
    if decoded is not None:
        check_frames(decoded, 4)
    if (
        z.shape != (len(frames), len(latent_names))
        or truth.shape != (len(frames), len(names))
        or (decoded is not None and decoded.shape != frames.shape)
    ):
        raise ValueError(
            f"frames are {frames.shape}, decoded {None if decoded is None else decoded.shape}, "
            f"codes {z.shape} with {len(latent_names)} names, factors {truth.shape} with "
            f"{len(names)} names; pass (T, H, W, C), (T, D) and (T, K) of one episode"
        )
    rr = require("rerun", extra="rerun")
    recording = rr.RecordingStream(APPLICATION, recording_id=name)
    recording.set_log_time_enabled(False)  # the hour of the export says nothing
    recording.set_log_tick_enabled(False)
    stream = recording.binary_stream()
    recording.send_blueprint(_layout(decoded is not None, bool(names)))
    pictures = {"frame": frames} | ({} if decoded is None else {"reconstruction": decoded})
    lines = {
        **{f"latents/{_part(n)}": z[:, d] for d, n in enumerate(latent_names)},
        **{f"factors/{_part(n)}": truth[:, k] for k, n in enumerate(names)},
    }
    for step in range(len(frames)):
        recording.set_time(STEP, sequence=step)
        for entity, shown in pictures.items():
            recording.log(entity, _image(rr, shown[step]))
    steps = rr.TimeColumn(STEP, sequence=range(len(frames)))
    for entity, values in lines.items():
        recording.send_columns(entity, [steps], rr.Scalars.columns(scalars=values))
    recording.flush()
    return bytes(stream.read() or b"")


def _layout(decoded: bool, factors: bool) -> Any:
    rrb = require("rerun.blueprint", extra="rerun")
    pictures = [rrb.Spatial2DView(origin="/frame", name="frame")]
    if decoded:
        pictures.append(rrb.Spatial2DView(origin="/reconstruction", name="reconstruction"))
    lines = [rrb.TimeSeriesView(origin="/latents", name="latents")]
    if factors:
        lines.append(rrb.TimeSeriesView(origin="/factors", name="factors"))
    views = rrb.Vertical(rrb.Horizontal(*pictures), *lines)
    return rrb.Blueprint(views, collapse_panels=True)


def _image(rr: Any, frame: NDArray[np.uint8]) -> Any:
    """Grey frames as they are, which JPEG would not make much smaller."""
    if frame.shape[-1] == 1:
        return rr.Image(np.ascontiguousarray(frame[..., 0]))
    return rr.Image(np.ascontiguousarray(frame)).compress(jpeg_quality=QUALITY)


def _part(name: str) -> str:
    """A name as one part of an entity's path."""
    return "".join(c if c.isalnum() or c in "_-." else "_" for c in name)
