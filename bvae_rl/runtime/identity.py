"""Is this the same training, and may it go on? Asked in one way by everything that resumes.

``identity`` turns what a run is made of (frozen dataclasses, stores, VAEs, plain values) into plain
JSON, ``changed`` names what differs between two of them, ``refuse_changes`` says it to the user. A
dataclass holds all that it does in its fields, so nothing has a second, hand-written description.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

KIND = "is"  # the key that names the class of a dataclass
ABSENT = "absent"


@runtime_checkable
class HasIdentity(Protocol):
    """Something that is named by its content, as a store by the checksums of its blocks."""

    def identity(self) -> Any:
        """Plain JSON values: equal content, equal values."""


def identity(value: Any) -> Any:
    """``value`` as plain JSON (dict, list, str, int, float, bool, None).

    A dataclass becomes its class's name under "is" and its fields, those of ``init=False`` (state)
    left out; a number that is not finite becomes a string. TypeError for what cannot be compared,
    such as a function.
    """
    if isinstance(value, HasIdentity) and not isinstance(value, type):
        return identity(value.identity())
    if is_dataclass(value) and not isinstance(value, type):
        named = {item.name: getattr(value, item.name) for item in fields(value) if item.init}
        return {KIND: type(value).__name__, **{k: identity(part) for k, part in named.items()}}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): identity(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [identity(part) for part in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):  # numpy scalars and arrays, torch tensors
        return identity(value.tolist())
    raise TypeError(
        f"nobody can tell whether two of {value!r} are equal, so that a run made with it could not "
        "be resumed; give a frozen dataclass (as bvae_rl.training.schedules has) or plain values"
    )


def fingerprint(value: Any) -> str:
    """SHA-256 of ``identity(value)``: equal settings, equal text."""
    return hashlib.sha256(json.dumps(identity(value), sort_keys=True).encode()).hexdigest()


def changed(before: Any, after: Any, *, within: str = "") -> list[str]:
    """What of two identities differs: "objective.beta.end 1, not 8", by the deepest names."""
    if isinstance(before, dict) and isinstance(after, dict):
        if before.get(KIND) != after.get(KIND):
            return [f"{within or 'what it is'} {_short(before)}, not {_short(after)}"]
        names = [*before, *(name for name in after if name not in before)]
        return [line for name in names for line in _named(before, after, name, within)]
    if before == after and isinstance(before, bool) == isinstance(after, bool):
        return []
    return [f"{within} {_short(before)}, not {_short(after)}"]


def _named(before: dict[str, Any], after: dict[str, Any], name: str, within: str) -> Iterator[str]:
    path = f"{within}.{name}" if within else name
    yield from changed(before.get(name, ABSENT), after.get(name, ABSENT), within=path)


def refuse_changes(folder: Path, what: str, before: Any, after: Any) -> None:
    """ValueError if ``folder`` holds ``what`` made otherwise, which names what differs.

    ``before`` is a stored identity, ``after`` what is asked for now (anything ``identity`` takes).
    """
    if differences := changed(before, identity(after)):
        raise ValueError(
            f"{folder} holds {what} made with other settings ({'; '.join(differences)}); choose "
            "another folder, or delete it"
        )


def _short(value: Any) -> str:
    """A value in a message: of a dataclass its name and numbers, of a long text its beginning."""
    if isinstance(value, dict) and KIND in value:
        parts = [f"{k}={_short(v)}" for k, v in value.items() if k != KIND]
        return f"{value[KIND]}({', '.join(parts)})"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
