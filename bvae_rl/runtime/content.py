"""What a function, network or object is made of: equal ones have equal bytes in every process.

Of a function that are its code, what it closes over, and of the globals that it names networks,
arrays, numbers and the functions beside it. What is imported counts by its name alone, so that
another version of a library is no other function.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from inspect import isfunction, ismethod
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

PLAIN = (int, float, str, bytes, type(None))
ARRAYS = (Tensor, np.ndarray)

Parts = Iterable[tuple[str, Any]]


def content(value: Any, *, objects: bool = True) -> Iterator[bytes]:
    """All that ``value`` is made of, in one order.

    Without ``objects`` those with attributes count by their class alone, but for agents of SB3: an
    environment that a policy holds is in another state each time.
    """
    for node in _walk(value, {}, objects):
        yield _own(node)


def digest(value: Any, *, objects: bool = True) -> str:
    """SHA-256 of that, as hexadecimal digits."""
    return hashlib.sha256(b"".join(content(value, objects=objects))).hexdigest()


def networks(value: Any) -> list[nn.Module]:
    """The networks in ``value``, each once; of what is one itself, that one."""
    return [node for node in _walk(value, {}, True) if isinstance(node, nn.Module)]


def decides(value: Any) -> bool:
    """Whether there are arrays, networks or functions in ``value``."""
    kinds = (*ARRAYS, nn.Module, FunctionType)
    return any(isinstance(node, kinds) for node in _walk(value, {}, True))


def _walk(value: Any, seen: dict[int, tuple[int, Any]], objects: bool) -> Iterator[Any]:
    """``value`` and all in it; what was there before by its number. ``seen`` keeps it alive."""
    if not isinstance(value, PLAIN):
        if id(value) in seen:
            yield seen[id(value)][0]
            return
        seen[id(value)] = len(seen), value
    yield value
    for name, part in _parts(value, objects):
        if name:
            yield name
        yield from _walk(part, seen, objects)


def as_array(value: np.ndarray | Tensor) -> np.ndarray:
    """A tensor's numbers; of bfloat16, which numpy does not know, the bits."""
    if not isinstance(value, Tensor):
        return value
    value = value.detach().cpu().contiguous()
    return (value.view(torch.int16) if value.dtype is torch.bfloat16 else value).numpy()


def _own(value: Any) -> bytes:
    """What ``value`` is itself, without its parts."""
    if isinstance(value, ARRAYS):
        array = as_array(value)
        kind = "bfloat16" if value.dtype is torch.bfloat16 else array.dtype
        return f"{kind}{array.shape}".encode() + array.tobytes()
    if isinstance(value, nn.Module):
        weights = (name.encode() + _own(part) for name, part in _settings(value))
        return repr(value).encode() + b"".join(weights)
    if isfunction(value):
        return repr((value.__qualname__, *_code(value.__code__))).encode()
    if isinstance(value, PLAIN) or _is_plain(value):
        return repr(value).encode()
    return getattr(value, "__qualname__", type(value).__qualname__).encode()


def _settings(network: nn.Module) -> Parts:
    """All weights, the buffers that no file holds, and what modules of one's own keep beside."""
    saved = network.state_dict()
    yield from saved.items()
    yield from ((name, part) for name, part in network.named_buffers() if name not in saved)
    for where, module in network.named_modules():
        if not type(module).__module__.startswith("torch."):  # repr tells what those are
            yield from (
                (f"{where}.{name}", part)
                for name, part in sorted(vars(module).items())
                if name != "training" and (_is_plain(part) or isinstance(part, (*PLAIN, *ARRAYS)))
            )


def _code(code: CodeType) -> tuple[Any, ...]:
    plain = [one for one in code.co_consts if isinstance(one, int | float | str)]
    within = [_code(one) for one in code.co_consts if isinstance(one, CodeType)]
    return (code.co_code, code.co_names, plain, *within)


def _parts(value: Any, objects: bool) -> Parts:
    if isinstance(value, (*PLAIN, *ARRAYS, nn.Module, type, ModuleType)) or _is_plain(value):
        return ()
    if isfunction(value):
        given = (value.__defaults__, value.__kwdefaults__)
        return [*_cells(value), *_globals(value), *(("", one) for one in given if one)]
    if ismethod(value):
        return [("", value.__func__), ("", value.__self__)]
    if isinstance(value, functools.partial):
        return [("", value.func), ("", value.args), ("", value.keywords)]
    if isinstance(value, Mapping):
        return sorted(((str(key), part) for key, part in value.items()), key=_name)
    if isinstance(value, tuple | list):
        return [("", part) for part in value]
    if (policy := _policy(value)) is not None:
        return [("policy", policy)]
    return sorted(getattr(value, "__dict__", {}).items(), key=_name) if objects else ()


def _policy(value: Any) -> nn.Module | None:
    """The policy of an agent of SB3."""
    policy = getattr(value, "__dict__", {}).get("policy")
    return policy if isinstance(policy, nn.Module) else None


def _cells(function: FunctionType) -> Parts:
    """What it closes over; a cell that is still empty is left out."""
    for cell in function.__closure__ or ():
        with suppress(ValueError):
            yield "", cell.cell_contents


def _globals(function: FunctionType) -> Parts:
    there = function.__globals__
    names = sorted({*function.__code__.co_names} & {*there})
    return [
        (name, there[name]) for name in names if _counts(name, there[name], function.__module__)
    ]


def _counts(name: str, value: Any, module: str) -> bool:
    """Whether a global that a function of ``module`` names is a part of it."""
    if isinstance(value, tuple) or (isinstance(value, list | dict) and name.isupper()):
        return _is_plain([*value.values()] if isinstance(value, dict) else value)
    if isfunction(value):
        return value.__module__ == module
    kinds = (int, float, str, *ARRAYS, functools.partial)
    if isinstance(value, (*kinds, nn.Module)) or _policy(value) is not None:
        return True
    return ismethod(value) and bool(networks(value))


def _is_plain(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(part, PLAIN) for part in value)


def _name(part: tuple[str, Any]) -> str:
    return part[0]
