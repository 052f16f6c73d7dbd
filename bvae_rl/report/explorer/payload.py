"""Arrays as JSON: base64 of little-endian values, deflated where that makes them smaller.

An array is ``{"dtype": "f2"|"f4"|"u1"|"i4", "shape": [...], "data": "..."}``, with ``"deflate":
true`` where ``data`` is compressed (zlib). ``js/arrays.js`` reads it back: half floats as floats.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any, Literal

import numpy as np

DType = Literal["f2", "f4", "u1", "i4"]
SAVED = 0.9  # of its size, below which a compressed array is worth its decompression


def packed(values: Any, dtype: DType | None = None) -> dict[str, Any]:
    """``values`` as a JSON-able dict; ``dtype`` by default u1 of bytes, i4 of whole numbers, f4.

    ValueError for values that are no numbers or do not fit into ``dtype``.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"only numbers can be packed, got an array of {array.dtype}")
    if dtype is None:
        dtype = "f4" if array.dtype.kind == "f" else "u1" if array.dtype == np.uint8 else "i4"
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(array, dtype=f"<{dtype}")
    if dtype in ("u1", "i4"):
        fits = np.array_equal(stored, array)
    else:
        fits = bool((np.isfinite(stored) == np.isfinite(array)).all())
    if not fits:
        raise ValueError(
            f"values from {array.min()} to {array.max()} do not fit into {dtype}; pack them as "
            f"{'f4' if dtype != 'f4' else 'f4 of smaller values'}"
        )
    raw = stored.tobytes()
    small = zlib.compress(raw, 9)
    deflated = len(small) < SAVED * len(raw)
    data = base64.b64encode(small if deflated else raw).decode()
    entry = {"dtype": dtype, "shape": list(stored.shape), "data": data}
    return {**entry, "deflate": True} if deflated else entry


def json_text(payload: Any) -> str:
    """``payload`` as strict JSON that cannot end a script element, NaN and infinities as null."""
    text = json.dumps(_strict(payload), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _strict(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(part) for part in value]
    if isinstance(value, np.ndarray):
        return _strict(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
