"""Colours, light and surfaces: closed forms of the maps, and what each leaves as it is."""

from __future__ import annotations

import math

import pytest
import torch

from bvae_rl.training.augment.colour import PART, ColourMap, colour, draw_colour_maps, recoloured
from bvae_rl.training.augment.light import GAIN, GAMMA, SLOPE, Light, draw_lights, lit
from bvae_rl.training.augment.texture import (
    COARSE,
    FINE,
    HARD,
    RELIEF,
    SOFT,
    TONE,
    draw_surfaces,
    filtered,
    heights,
    relief,
    texture,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_map_of_colours_is_a_sine_of_their_mixture() -> None:
    w = torch.tensor([[[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [0.0, -4.0, 0.0], [0.0, 0.0, 0.0]]])
    maps = ColourMap(w, torch.tensor([[0.0, math.pi / 2, 0.1, math.pi / 2]]))
    x = torch.tensor([0.5, 0.25, 1.0]).view(1, 3, 1, 1)
    sines = [math.sin(0.5 + 0.5 + 3.0), 1.0, math.sin(0.1 - 1.0)]
    mapped = [0.5 + 0.5 * s for s in sines]
    assert recoloured(x, maps).flatten().tolist() == pytest.approx(mapped)
    for angle, share in ((-math.pi / 2, 0.0), (0.0, 0.5), (math.asin(-0.1), 0.3)):
        maps.b[0, 3] = angle  # 0.5 + 2 sin of it, cut to [0, 1]
        between = [a + share * (b - a) for a, b in zip((0.5, 0.25, 1.0), mapped, strict=True)]
        assert recoloured(x, maps).flatten().tolist() == pytest.approx(between)


def test_a_part_of_the_maps_keeps_some_colours() -> None:
    palette = torch.rand(3, 500, generator=generator(1)).view(1, 3, 1, 500).expand(400, 3, 1, 500)
    kept = (colour(palette, generator()) == palette).all(1).float().mean((1, 2))  # of each map
    assert (kept > 0).float().mean().item() == pytest.approx(PART, abs=0.05)
    assert kept.mean().item() == pytest.approx(PART * 0.42, abs=0.03)  # (pi - 2 asin 0.25) / 2 pi
    assert (colour(palette, generator(), part=0.0) != palette).any(1).all()
    assert (colour(palette, generator(), part=1.0) == palette).all(1).any(2).float().mean() > 0.95


def test_frequency_0_has_one_colour_and_what_has_one_keeps_one() -> None:
    x = torch.rand(16, 3, 8, 8)
    even = colour(x, generator(), frequency=0.0, part=0.0)
    assert torch.allclose(even, even[..., :1, :1].expand_as(even))
    assert even[:, 0, 0, 0].std() > 0.2  # another one in each picture
    halves = torch.rand(16, 3, 1, 2).repeat_interleave(4, 3).expand(16, 3, 8, 8)
    seen = colour(halves, generator())
    assert torch.allclose(seen[..., :4], seen[..., :1, :1].expand(16, 3, 8, 4), atol=1e-6)
    maps = draw_colour_maps(4000, generator(), frequency=2.0)
    assert maps.w[:, :3].std().item() == pytest.approx(2.0, rel=0.03)


def test_the_frames_of_a_stack_get_one_map() -> None:
    x = torch.rand(4, 3, 8, 8)
    one = colour(x, generator())
    stacked = colour(torch.cat([x, x.flip(3), x], 1), generator())
    assert torch.allclose(stacked, torch.cat([one, one.flip(3), one], 1), atol=1e-6)
    with pytest.raises(ValueError, match=r"x has 4 channels, shape \(2, 4, 8, 8\); vary grey"):
        colour(torch.rand(2, 4, 8, 8), generator())


def test_a_gentle_map_is_a_blend() -> None:
    x = torch.rand(4, 3, 8, 8)
    blend = colour(x, generator(), strength=0.25)
    assert torch.allclose(blend, 0.75 * x + 0.25 * colour(x, generator()), atol=1e-6)


def lights(gain: float, gamma: float, right: float, down: float) -> Light:
    return Light(torch.tensor([gain]), torch.tensor([gamma]), torch.tensor([[right, down]]))


def test_light_in_closed_form() -> None:
    x = torch.full((1, 2, 2, 4), 0.25)
    assert torch.allclose(lit(x, lights(1.0, 1.0, 0.0, 0.0)), x)
    assert torch.allclose(lit(x, lights(1.0, 0.5, 0.0, 0.0)), 2 * x)
    assert torch.allclose(lit(x, lights(1.5, 1.0, 0.0, 0.0)), 1.5 * x)
    assert torch.equal(lit(x, lights(5.0, 1.0, 0.0, 0.0)), torch.ones_like(x))
    sideways = lit(x, lights(1.0, 1.0, 0.4, 0.0))[0, 0]
    places = torch.tensor([-0.75, -0.25, 0.25, 0.75])  # of four pixels between -1 and 1
    assert torch.allclose(sideways, 0.25 * (1.0 + 0.4 * places).expand(2, 4))
    below = lit(x, lights(1.0, 1.0, 0.0, 0.4))[0, 1, :, 0]
    assert below.tolist() == pytest.approx([0.25 * 0.8, 0.25 * 1.2])


def test_lights_fill_their_ranges() -> None:
    drawn = draw_lights(5000, generator())
    for value, most in ((drawn.gain, GAIN), (drawn.gamma, GAMMA)):
        assert value.log().max().item() == pytest.approx(most, rel=0.01)
        assert value.log().min().item() == pytest.approx(-most, rel=0.01)
    steep = drawn.slope.norm(dim=1)
    assert SLOPE * 0.99 < steep.max() <= SLOPE * 1.0001 and steep.min() < 0.01 * SLOPE
    assert (drawn.slope > 0).float().mean(0).tolist() == pytest.approx([0.5, 0.5], abs=0.03)
    assert draw_lights(100, generator(), strength=2.0).gain.log().abs().max() > GAIN


def test_a_filter_keeps_even_colours_and_is_a_convolution() -> None:
    surfaces = draw_surfaces(8, generator())
    assert torch.allclose(surfaces.kernel.sum((1, 2)), torch.ones(8), atol=1e-5)
    assert surfaces.kernel.flatten(1).std(1).min() > 0.2  # not all the same
    even = torch.rand(8, 3, 1, 1).expand(8, 3, 8, 8)
    assert torch.allclose(filtered(even, surfaces.kernel), even, atol=1e-5)
    dot = torch.zeros(8, 3, 8, 8)
    dot[:, 1, 4, 5] = 1.0
    seen = filtered(dot, surfaces.kernel)
    assert torch.allclose(seen[:, 1, 3:6, 4:7], surfaces.kernel.flip(1, 2), atol=1e-6)
    assert seen[:, [0, 2]].abs().max() == 0.0


@pytest.mark.parametrize("sides", [(64, 64), (41, 64), (128, 128)], ids=str)
def test_a_relief_is_smooth_and_of_one_height(sides: tuple[int, int]) -> None:
    surfaces = draw_surfaces(64, generator())
    found = relief(surfaces, torch.empty(64, 3, *sides))
    assert found.shape == (64, 1, *sides)
    assert torch.allclose(found.mean((1, 2, 3)), torch.zeros(64), atol=1e-4)
    assert torch.allclose(found.square().mean((1, 2, 3)), torch.ones(64), atol=1e-3)
    assert found.diff(dim=2).square().mean() < 0.3  # 2 of independent pixels
    longer = relief(surfaces._replace(waves=surfaces.waves / 2), torch.empty(64, 3, *sides))
    assert longer.diff(dim=2).square().mean() < 0.6 * found.diff(dim=2).square().mean()


def test_a_relief_of_one_wave_is_its_sine() -> None:
    surfaces = draw_surfaces(1, generator())._replace(
        waves=torch.tensor([[[0.0, 2.0 * math.pi / 16]]]), phase=torch.tensor([[0.25 * math.pi]])
    )
    found = relief(surfaces, torch.empty(1, 3, 64, 128))[0, 0]  # whole waves, down the picture
    down = (torch.arange(64) - 31.5) * 2.0 * math.pi / 16 + 0.25 * math.pi
    assert torch.allclose(found, math.sqrt(2.0) * down.sin()[:, None].expand(64, 128), atol=1e-5)


def test_half_of_the_reliefs_are_patterns() -> None:
    surfaces = draw_surfaces(4000, generator())
    smooth = surfaces.steepness == 0
    for kind, most in ((smooth, RELIEF), (~smooth, TONE)):
        assert kind.float().mean().item() == pytest.approx(0.5, abs=0.03)
        assert surfaces.height[kind].min() >= 0.0
        assert surfaces.height[kind].max().item() == pytest.approx(most, rel=0.01)
    steep = surfaces.steepness[~smooth]
    assert [steep.min().item(), steep.max().item()] == pytest.approx([SOFT, HARD], 0.02)
    # the mean over widths of 1 / width^2, in either direction whatever the turn
    mean = (FINE**-2 - COARSE**-2) / (2.0 * math.log(COARSE / FINE))
    assert surfaces.waves.square().mean((0, 1)).tolist() == pytest.approx([mean, mean], 0.08)


def test_a_pattern_has_two_tones() -> None:
    surfaces = draw_surfaces(2, generator())._replace(
        height=torch.tensor([0.1, 0.1]), steepness=torch.tensor([1e6, 0.0])
    )
    x = torch.rand(2, 3, 64, 64)
    pattern, smooth = heights(surfaces, x)[:, 0]
    assert torch.allclose(pattern.abs(), torch.tensor(0.1), atol=1e-3)
    assert 0.2 < (pattern > 0).float().mean() < 0.8
    assert torch.allclose(smooth, 0.1 * relief(surfaces, x)[1, 0])


def test_an_edge_stays_where_it_is() -> None:
    x = torch.full((64, 3, 64, 64), 0.2)
    x[..., 40:] = 0.8
    seen = texture(x, generator())
    steps = seen.mean((1, 2)).diff(dim=1).abs()  # (B, W - 1)
    assert (steps.argmax(1) - 39).abs().max() <= 1
    assert ((seen[..., 42:].mean((1, 2, 3)) - seen[..., :38].mean((1, 2, 3))) > 0.4).all()
