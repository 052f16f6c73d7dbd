"""The table of variations: what all of them keep, and how several are put together."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bvae_rl.training.augment.variations import (
    VARIATIONS,
    Variation,
    named,
    refuse_unfit,
    vary,
)

ROWS = list(VARIATIONS.values())
IDS = list(VARIATIONS)
SHAPES = [(3, 64, 64), (3, 40, 64), (1, 84, 84), (6, 48, 48), (4, 64, 32)]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int, shape: tuple[int, ...] = (3, 64, 64)) -> Tensor:
    return torch.rand(n, *shape, generator=generator(1))


@pytest.mark.parametrize(
    ("row", "shape"),
    [(row, shape) for row in ROWS for shape in SHAPES if row.suits(shape[0])],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_a_varied_picture_is_a_picture(row: Variation, shape: tuple[int, int, int]) -> None:
    x = pictures(8, shape)
    before = x.clone()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = row.vary(x, generator())
        again = row.vary(x, generator())
    assert (seen.shape, seen.dtype) == (x.shape, torch.float32)
    assert seen.min() >= 0.0 and seen.max() <= 1.0  # not for nan
    assert torch.equal(x, before)
    assert torch.equal(seen, again) and not torch.equal(seen, row.vary(x, generator(2)))
    assert torch.allclose(seen, row.vary(x, generator()), atol=1e-6)  # in float32 in both cases
    assert ((seen - x).abs().amax((1, 2, 3)) > 1e-3).all()  # each picture


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_strength_goes_from_the_picture_itself_upwards(row: Variation) -> None:
    x = pictures(32)
    assert torch.allclose(row.vary(x, generator(), strength=0.0), x, atol=1e-5)
    away = [
        (row.vary(x, generator(), strength=strength) - x).abs().mean().item()
        for strength in (0.1, 0.3, 1.0)
    ]
    assert away == sorted(away) and away[0] < 0.7 * away[2]
    strongest = row.vary(x, generator(), strength=2.0)
    assert strongest.min() >= 0.0 and strongest.max() <= 1.0


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_each_picture_has_a_draw_of_its_own(row: Variation) -> None:
    x = pictures(1).repeat(8, 1, 1, 1)
    if row.name == "background":  # the other frame is the same one here
        assert torch.allclose(row.vary(x, generator()), x, atol=1e-6)
        return
    seen = row.vary(x, generator())
    assert all((seen[0] - other).abs().max() > 1e-3 for other in seen[1:])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_every_device_draws_the_same(row: Variation) -> None:
    x = pictures(8)
    there = row.vary(x.cuda(), generator())
    assert there.device.type == "cuda"
    assert (there.cpu() - row.vary(x, generator())).abs().mean() < 1e-4


def test_names_come_in_any_order_and_more_than_once() -> None:
    assert [row.name for row in named(["noise", "colour", "noise", "distractors"])] == [
        "distractors", "colour", "noise",
    ]  # fmt: skip
    assert [row.name for row in named(IDS[::-1])] == IDS
    assert IDS == ["distractors", "background", "colour", "texture", "light", "camera", "noise"]


def test_names_that_are_none() -> None:
    with pytest.raises(ValueError, match="unknown variations 'smell', 'taste'; known: distractors"):
        named(["smell", "colour", "taste"])
    with pytest.raises(ValueError, match=r"unknown variation 'color'; .*; did you mean colour"):
        named(["color"])
    with pytest.raises(ValueError, match="unknown variation 'smell'; known"):
        named(["smell"])
    with pytest.raises(ValueError, match="no variation is named; take some of: distractors"):
        named([])
    with pytest.raises(TypeError, match=r"sequence of names, got 'colour'; write \('colour',\)"):
        named("colour")


def test_grey_pictures_have_no_colours() -> None:
    refuse_unfit(named(["colour", "noise"]), (3, 64, 64))
    refuse_unfit(named(["colour"]), (6, 64, 64), channel_order="BGR")
    refuse_unfit(named([name for name in IDS if name != "colour"]), (1, 84, 84))
    refuse_unfit(named(["light"]), (3, 64, 64), channel_order="other")
    refused = (
        r"'colour' needs pictures of 3 channels, or stacks of them, and these have {}, shape .*; "
        "leave it out and take some of: distractors, background, texture, light, camera, noise$"
    )
    for channels in (1, 4):
        with pytest.raises(ValueError, match=refused.format(channels)):
            refuse_unfit(named(["light", "colour"]), (channels, 84, 84))
    with pytest.raises(ValueError, match=refused.format(r"3 of unknown order \('other'\)")):
        refuse_unfit(named(["colour"]), (3, 84, 84), channel_order="other")


def adds(amount: float) -> Variation:
    def add(x: Tensor, generator: torch.Generator, /, *, strength: float = 1.0) -> Tensor:
        return x + strength * amount

    return Variation("adds", "", add, share=0.25)


def test_of_several_rows_each_changes_its_share() -> None:
    x = torch.zeros(8000, 1, 1, 1)
    seen = vary(x, [adds(1.0), adds(2.0)], generator()).flatten()
    shares = [(seen == value).float().mean().item() for value in range(4)]
    assert shares == pytest.approx([9 / 16, 3 / 16, 3 / 16, 1 / 16], abs=0.02)  # independent
    assert torch.equal(x, torch.zeros_like(x))


def test_a_single_row_changes_every_picture() -> None:
    assert torch.equal(
        vary(torch.zeros(9, 1, 2, 2), [adds(1.0)], generator()), torch.ones(9, 1, 2, 2)
    )


def test_rows_follow_each_other() -> None:
    def doubles(x: Tensor, generator: torch.Generator, /, *, strength: float = 1.0) -> Tensor:
        return 2.0 * x

    rows = [adds(1.0), Variation("doubles", "", doubles, share=1.0)]
    seen = vary(torch.zeros(100, 1, 1, 1), rows, generator()).unique().tolist()
    assert seen == [0.0, 2.0]


def test_strength_reaches_every_row() -> None:
    x = pictures(4)
    assert torch.equal(vary(x, [adds(1.0)], generator(), strength=0.5), x + 0.5)
    assert torch.equal(vary(x, ROWS, generator(), strength=0.0), x)
    for wrong in (-0.1, 2.1, float("nan")):
        with pytest.raises(ValueError, match=rf"strength must be from 0 to 2, got {wrong:g}"):
            vary(x, ROWS, generator(), strength=wrong)


def test_all_at_once_in_the_trainer_s_precision() -> None:
    x = pictures(64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = vary(x, ROWS, generator())
    assert seen.dtype == torch.float32 and torch.equal(seen, vary(x, ROWS, generator()))
    assert seen.min() >= 0.0 and seen.max() <= 1.0
    assert vary(x[:1], ROWS, generator()).shape == (1, 3, 64, 64)
