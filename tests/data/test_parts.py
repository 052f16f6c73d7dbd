"""What a store was made of, and how many of its frames were seen before."""

from __future__ import annotations

from typing import Any

import pytest

from bvae_rl.data.parts import GROWN, JOINED, first_rows, rows_within

A, B = {"sha256": "a", "rows": 30}, {"sha256": "b", "rows": 12}
GREW = {"sha256": "g", "rows": 50, GROWN: [{"rows": 30, "sha256": "a"}]}
TWICE = {
    "sha256": "t", "rows": 70, GROWN: [{"rows": 30, "sha256": "a"}, {"rows": 50, "sha256": "g"}]
}  # fmt: skip
BOTH = {"sha256": "j", "rows": 42, JOINED: ["a", "b"]}


@pytest.mark.parametrize(
    ("store", "seen", "rows"),
    [
        (A, [], 0),
        (A, [B], 0),
        (A, [A, B], 30),  # the same one again
        (GREW, [A], 30),
        (TWICE, [A, GREW], 50),  # which the first frames are part of
        (BOTH, [A], 30),
        (BOTH, [A, B], 42),
        (B, [{}], 0),  # of a VAE that does not say what it was trained on
        ({**GREW, GROWN: [{"rows": 30}]}, [A], 0),  # grown before it was said from what
    ],
)
def test_rows_that_come_from_other_stores(
    store: dict[str, Any], seen: list[dict[str, Any]], rows: int
) -> None:
    assert rows_within(store, seen) == rows


def test_a_store_begins_with_the_one_that_it_grew_from() -> None:
    assert [first_rows(TWICE, other) for other in (A, GREW, B, {})] == [30, 50, 0, 0]
