"""Measured numbers: what a row needs, and what neighbours in a file share."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bvae_rl.runtime.rows import Row, grouped, ungrouped
from tests.row_cases import ROW


def test_a_row_comes_back_from_json_as_it_was() -> None:
    assert Row.from_dict(json.loads(json.dumps(ROW.to_dict()))) == ROW


def test_a_row_names_missing_and_unknown_keys() -> None:
    data = ROW.to_dict()
    del data["metric"]
    with pytest.raises(ValueError, match=r"lacks the keys \['metric'\]"):
        Row.from_dict(data)
    with pytest.raises(ValueError, match=r"unknown keys \['colour'\]"):
        Row.from_dict({**ROW.to_dict(), "colour": 1})


def test_what_neighbours_share_stands_once_and_the_order_stays() -> None:
    other = replace(ROW, agent_seed=3)
    rows = [ROW, replace(ROW, metric="score", value=0.5), other, replace(ROW, step=1000)]
    groups = grouped(rows)
    assert [len(group["rows"]) for group in groups] == [2, 1, 1]
    assert groups[0]["command"] == "bvae-rl transfer" and groups[1]["agent_seed"] == 3
    assert groups[0]["rows"][1] == {
        "domain": "ood1", "metric": "score", "step": None, "value": 0.5, "n": 100
    }  # fmt: skip
    assert ungrouped(json.loads(json.dumps(groups))) == rows
    assert grouped([]) == [] and ungrouped([]) == []


@pytest.mark.parametrize("data", [{}, [ROW.to_dict()], ["a"], [{"rows": 1}]])
def test_anything_else_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match='groups, each with a list of "rows"'):
        ungrouped(data)
