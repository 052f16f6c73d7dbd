"""What moves beside the agent in a film: latents, or what can be read from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bvae_rl.plots.style import GROUP_COLOURS, minus

Array = NDArray[np.float64]
SHOWN = 6  # latents with a time line each


@dataclass(frozen=True)
class Film:
    """T frames (T, H, W, C), their latents (T, D) and factors (T, K), and where each episode of
    which domain begins (None: the environment as it is). The factors are those called
    ``names``, of the state; without any they are (T, 0). ``trained_in``: the agent's own domain."""

    frames: NDArray[np.uint8]
    codes: Array
    factors: Array
    names: tuple[str, ...]
    begins: tuple[int, ...]
    domains: tuple[str | None, ...]
    trained_in: str | None = "source"


@dataclass(frozen=True)
class Panel:
    """Lines (T,) on one pair of axes, and behind them what is true (T,), or None."""

    title: str
    lines: tuple[Array, ...]
    colours: tuple[str, ...]
    truth: Array | None = None


def most_varied(codes: Array, columns: Sequence[int], most: int = SHOWN) -> list[int]:
    """Those of ``columns`` that vary most in ``codes`` (T, D), at most ``most``, in their order."""
    spread = codes.std(axis=0)
    return sorted(sorted(columns, key=lambda d: -spread[d])[:most])


def latent_panels(
    film: Film, seen: Sequence[int], *, of_agent: Sequence[int] | None = None
) -> list[Panel]:
    """A panel for each of the latents ``seen`` that vary most, beside the factor that it follows
    best if factors are known, and one for all others.

    ``of_agent``: those that the agent sees, by default ``seen``.
    """
    shown = most_varied(film.codes, seen)
    truths = _standard(film.factors)
    r = _standard(film.codes).T @ truths / len(truths)  # Pearson's
    found = []
    for d in shown:
        if not film.names:
            line = _standard(film.codes[:, d])
            found.append(Panel(f"latent {d}", (line,), _colours(d)))
            continue
        k = int(np.argmax(abs(r[d])))
        sign = -1.0 if r[d, k] < 0 else 1.0
        name = minus(f"{'-' if sign < 0 else ''}latent {d}")
        line = sign * _standard(film.codes[:, d])
        found.append(Panel(f"{name} follows {film.names[k]}", (line,), _colours(d), truths[:, k]))
    others = [d for d in range(film.codes.shape[1]) if d not in shown]
    if others:
        lines = tuple(film.codes[:, d] for d in others)
        known = {*(seen if of_agent is None else of_agent)}
        unseen = "" if known & {*others} else ", which the agent does not see"
        about = f"all other latents{unseen}"
        found.append(Panel(about, lines, _colours(*range(len(others)))))
    return found


def factor_panels(film: Film, practice: Film, factors: Sequence[str]) -> list[Panel]:
    """A panel for each factor by name, beside what a linear probe reads from the latents, which is
    fitted on ``practice``; then one with all latents.

    ValueError for a factor that is none.
    """
    names = [name.replace(" ", "_") for name in film.names]
    if unknown := [name for name in factors if name not in names]:
        raise ValueError(f"there is no state factor {unknown[0]!r}; known: {', '.join(names)}")
    found = []
    for place, name in enumerate(factors):
        k = names.index(name)
        read = _probe(practice.codes, practice.factors[:, k], film.codes)
        truth = film.factors[:, k]
        low, high = truth.min(), truth.max()
        read = np.clip(read, low - 0.5 * (high - low), high + 0.5 * (high - low))  # on the picture
        title = f"{film.names[k]}, as a linear probe reads it from the latents"
        found.append(Panel(title, (read,), _colours(place), truth))
    spread = [int(d) for d in np.argsort(-practice.codes.std(axis=0))]
    lines = tuple(_standard(film.codes)[:, d] for d in spread)
    return [*found, Panel("all latents", lines, _colours(*range(len(lines))))]


def _probe(codes: Array, values: Array, seen: Array) -> Array:
    """Least squares with a constant, fitted on codes (N, D) and values (N,), of ``seen`` (T, D)."""

    def with_one(x: Array) -> Array:
        return np.column_stack([x, np.ones(len(x))])

    read: Array = with_one(seen) @ np.linalg.lstsq(with_one(codes), values, rcond=None)[0]
    return read


def _colours(*places: int) -> tuple[str, ...]:
    return tuple(GROUP_COLOURS[place % len(GROUP_COLOURS)] for place in places)


def _standard(x: Array) -> Array:
    spread = x.std(axis=0)
    standard: Array = (x - x.mean(axis=0)) / np.where(spread > 1e-6, spread, 1.0)
    return standard
