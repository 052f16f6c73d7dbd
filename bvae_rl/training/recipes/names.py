"""Names of recipes: a row, whether it is hardened at its end, and what of it is changed.

    plain, plain_hardened, plain:hidden=128, plain_hardened:steps=4000,frequency=2

Every row has a hardened one. What has a list of values takes them joined by +:
``against=colour+light``, ``channels=16+32+32``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from bvae_rl.training.hardening.settings import Hardening

HARDENED = "_hardened"


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split("+"))


def _widths(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split("+")))


STUDENT = "student_"  # before widths of the last phase, which the VAE has, too
PHASE: Mapping[str, Callable[[str], Any]] = {  # of the last phase: fields of ``Hardening``
    "against": _names, "steps": int, "latents": str, "clean": int, "strength": float,
    "frequency": float, "part": float, "student_channels": _widths, "student_hidden": int,
}  # fmt: skip
MODEL: Mapping[str, Callable[[str], Any]] = {  # of the VAE: fields of ``VAEConfig``
    "channels": _widths, "hidden": int, "recon_weight": float,
}  # fmt: skip


@dataclass(frozen=True)
class RecipeName:
    """``row`` is the recipe or objective; ``changes`` are values as they were written, by name."""

    row: str
    hardened: bool = False
    changes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """``text`` in parts; ValueError for a change without a value, or given twice."""
        row, colon, rest = text.partition(":")
        changes: dict[str, str] = {}
        for change in rest.split(",") if colon else ():
            name, _, value = change.partition("=")
            if not name or not value or name in changes:
                raise ValueError(
                    f"changes of a recipe are NAME=VALUE, each once and joined by commas, got "
                    f"{text!r}; write for example plain_hardened:steps=4000,frequency=2"
                )
            changes[name] = value
        hardened = row.endswith(HARDENED)
        return cls(row.removesuffix(HARDENED), hardened, changes)

    def __str__(self) -> str:
        changes = ",".join(f"{name}={value}" for name, value in self.changes.items())
        row = self.row + HARDENED * self.hardened
        return f"{row}:{changes}" if changes else row

    def without(self, *names: str) -> Self:
        """The same without some changes."""
        kept = {name: value for name, value in self.changes.items() if name not in names}
        return type(self)(self.row, self.hardened, kept)

    @property
    def teacher(self) -> Self:
        """What is trained before the last phase; itself where there is none."""
        return type(self)(self.row, False, self.without(*PHASE).changes)

    @property
    def hardening(self) -> Hardening | None:
        """The last phase, if there is one; ValueError for a value that it cannot have."""
        if not self.hardened:
            return None
        values = self._values(PHASE)
        return Hardening(**{name.removeprefix(STUDENT): value for name, value in values.items()})

    @property
    def model(self) -> dict[str, Any]:
        """What is changed of the VAE; ValueError for a value that it cannot have."""
        return self._values(MODEL)

    def check(self) -> None:
        """ValueError for unknown changes, and for those of a last phase that there is not."""
        for name in self.changes:
            if name in PHASE and not self.hardened:
                raise ValueError(
                    f"{name} changes the last phase of a hardened recipe, and {self} has none; "
                    f"write {self.row}{HARDENED}:{name}={self.changes[name]}"
                )
            if name not in {*PHASE, *MODEL}:
                raise ValueError(
                    f"{self} changes {name!r}, which no recipe has; what can be changed: "
                    f"{', '.join((*MODEL, *PHASE))}"
                )

    def _values(self, readers: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
        found = {}
        for name, text in self.changes.items():
            if name not in readers:
                continue
            try:
                found[name] = readers[name](text)
            except ValueError as error:
                raise ValueError(f"{self} gives {name} no number, but {text!r}") from error
        return found
