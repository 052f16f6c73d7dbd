"""Appearances of MiniGrid worlds: what they change, and that nothing gets lost."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from minigrid.core.constants import COLOR_NAMES
from minigrid.core.grid import Grid
from minigrid.core.world_object import Ball, Box, Door, Goal, Key, WorldObj

from bvae_rl.envs.grid.appearances import (
    GOAL_COLOURS,
    PARTS,
    RAMPS,
    TEXTURES,
    GridAppearance,
    Tiles,
    check_things,
    grid_domain,
)
from bvae_rl.envs.grid.render import GridPainter
from bvae_rl.envs.grid.world import MIN_DOOR_TILE, MIN_TILE, make
from tests.grid_cases import DOOR_KEY, inner, with_values

ROOM = Tiles(across=8, size=64, least=MIN_DOOR_TILE)
SEEN = 20  # of 255: a difference of a pixel's channel that tells things apart
FAINT = 12  # one that shows at least


def test_the_factors_of_the_chosen_kinds_and_only_they_are_there() -> None:
    colours = [f"{part}_colour" for part in PARTS]
    textures = ["floor_texture", "wall_texture"]
    for domain, names in {
        "ood1": colours,
        "ood1:colours": colours,
        "ood2:tile+texture": [*textures, "tile"],
        "source:all": [*colours, *textures, "tile"],
    }.items():
        env = make(DOOR_KEY, domain=domain)
        assert [spec.name for spec in env.factor_specs if spec.role == "appearance"] == names
        frames = {env.reset(seed=seed)[0].tobytes() for seed in (0, 0)}
        assert len(frames) == 1


def test_each_colour_factor_colours_its_part() -> None:
    env = make("MiniGrid-Empty-8x8-v0", render_mode="rgb_array")
    inner(env).highlight = False
    env.reset(seed=0)
    env.set_factors(with_values(env, agent_column=3, agent_row=3))
    spots = {"wall": (4, 4), "floor": (20, 44), "agent": (28, 27)}  # row, column of a pixel
    for part in PARTS:
        first, last = RAMPS[part]
        for u, colour in ((0.0, first), (1.0, last)):
            frame = env.set_factors(with_values(env, **{f"{part}_colour": u}))
            assert tuple(frame[spots[part]]) == colour
        env.set_factors(with_values(env, **{f"{part}_colour": 0.0}))
    for name in RAMPS:
        assert np.array_equal(GridAppearance().colour(name), RAMPS[name][0])


def test_a_texture_is_on_its_part_alone() -> None:
    env = make("MiniGrid-Empty-8x8-v0", domain="ood2:texture")
    inner(env).highlight = False
    env.reset(seed=0)
    plain = env.set_factors(with_values(env, floor_texture=0, wall_texture=0))
    walls = np.ones((64, 64), bool)
    walls[8:56, 8:56] = False
    for texture in range(1, len(TEXTURES)):
        floor = env.set_factors(with_values(env, floor_texture=texture, wall_texture=0))
        wall = env.set_factors(with_values(env, floor_texture=0, wall_texture=texture))
        on_floor, on_wall = ((frame != plain).any(axis=-1) for frame in (floor, wall))
        assert 0.1 < on_floor[~walls].mean() < 0.95 and not on_floor[walls].any()
        assert 0.1 < on_wall[walls].mean() < 0.95 and not on_wall[~walls].any()


def test_a_tile_of_another_world_that_does_not_fit_is_refused() -> None:
    env = make("MiniGrid-FourRooms-v0")
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"tile of 8 pixels does not fit: 19 .*tile=3, "):
        env.reset(options={"appearance": GridAppearance()})
    env.reset(options={"appearance": GridAppearance(tile=3, floor=0.5)})


def test_the_inside_of_doors_and_boxes_stays_plain() -> None:
    plain, checker = GridAppearance(floor=0.5), GridAppearance(floor=0.5, floor_texture="checker")
    for thing, outside in ((Door("red"), 0), (Box("red"), 2)):
        inside = slice(outside, 8 - outside)
        cells = [thing, None]
        first, second = (
            GridPainter(appearance).paint(cells, 2, 1, 0) for appearance in (plain, checker)
        )
        assert np.array_equal(first[inside, inside], second[inside, inside])
        assert not np.array_equal(first, second)


def test_a_smaller_tile_draws_the_grid_smaller_and_centred() -> None:
    env = make("MiniGrid-Empty-8x8-v0", domain="source:tile", render_mode="rgb_array")
    env.reset(seed=0)
    small = env.set_factors(with_values(env, tile=5))
    alone = make("MiniGrid-Empty-8x8-v0", size=40).reset(seed=0)[0]
    assert np.array_equal(small[12:52, 12:52], alone)
    assert small.sum() == alone.sum(dtype=np.int64)


def test_the_domains_share_out_what_is_smaller() -> None:
    def sizes(name: str, tiles: Tiles = ROOM) -> set[float]:
        rng = np.random.default_rng(0)
        return {grid_domain(f"{name}:tile", tiles).sample(rng).tile for _ in range(100)}

    assert (sizes("source"), sizes("ood1"), sizes("ood2")) == ({8}, {7, 6}, {5})
    assert sizes("pretrain") == {8, 7, 6}
    wide = Tiles(across=5, size=64, least=MIN_TILE)
    assert (sizes("ood1", wide), sizes("ood2", wide)) == ({11, 10, 9}, {8, 7, 6})


@pytest.mark.parametrize("domain", ["ood1:tile", "pretrain:all"])
def test_no_room_for_smaller_tiles_is_an_error_that_says_which_size(domain: str) -> None:
    with pytest.raises(ValueError, match=r"19 cells across 64 pixels are 3 .* use size=95 or more"):
        make("MiniGrid-FourRooms-v0", domain=domain)
    env = make("MiniGrid-FourRooms-v0", domain=domain, size=95)
    assert env.factor_specs[-1].values == (3, 4, 5)
    make("MiniGrid-FourRooms-v0", domain="ood1:colours+texture")


def test_things_that_an_appearance_would_hide_are_refused() -> None:
    plain = GridAppearance()
    for colour, part in {"grey": "wall", "red": "agent"}.items():
        with pytest.raises(ValueError, match=f"{part} .* and goal .* cannot be told apart"):
            check_things(plain, {"goal": ("goal", colour)})
        check_things(plain, {"goal": ("goal", colour)}, allow=True)
    check_things(GridAppearance(wall=1.0), {"goal": ("goal", "grey")})
    check_things(plain, {"ball": ("ball", "grey"), "key": ("key", "red")})
    assert GOAL_COLOURS == ("blue", "green", "purple", "yellow")
    for u in np.linspace(0, 1, 11):
        for texture in TEXTURES:
            appearance = GridAppearance(floor=u, wall=u, agent=u, floor_texture=texture)
            check_things(appearance, {name: ("goal", name) for name in GOAL_COLOURS})
            check_things(appearance, {name: ("ball", name) for name in COLOR_NAMES})


@pytest.mark.parametrize("lit", [False, True])
@pytest.mark.parametrize("tile", [MIN_TILE, MIN_DOOR_TILE, 8])
@pytest.mark.parametrize("texture", TEXTURES)
@pytest.mark.parametrize("u", [0.0, 1.0])
def test_directions_and_things_stay_apart(tile: int, texture: str, u: float, lit: bool) -> None:
    appearance = GridAppearance(u, u, u, floor_texture=texture, wall_texture=texture, tile=tile)
    grid, painter = Grid(3, 3), GridPainter(appearance)
    light = np.full(9, lit) if lit else None

    def frame(direction: int) -> np.ndarray:
        return painter.paint(grid.grid, 3, 4, direction, lit=light).astype(int)

    frames = [frame(direction) for direction in range(4)]
    things: list[WorldObj] = [Key("red"), Ball("red"), Box("red"), Goal("red")]
    if tile >= MIN_DOOR_TILE:
        things += [Door("red"), Door("red", is_open=True), Door("red", is_locked=True)]
    for thing in things:
        grid.set(0, 0, thing)
        frames.append(frame(0))
    for n, one in enumerate(frames):
        assert all(abs(one - other).max() >= SEEN for other in frames[:n])


@pytest.mark.parametrize("texture", TEXTURES)
def test_things_of_every_colour_show_on_every_floor(texture: str) -> None:
    for tile, u in product((MIN_TILE, MIN_DOOR_TILE, 8), (0.0, 0.75, 1.0)):
        painter = GridPainter(GridAppearance(u, u, u, texture, texture, tile=tile))
        things: list[WorldObj] = [kind(c) for kind in (Key, Ball, Box) for c in COLOR_NAMES]
        for lit in (None, np.ones(10, bool)):
            for thing in things:
                cells = [thing, *[None] * 9]
                frame = painter.paint(cells, 10, 9, 0, lit=lit).astype(int)
                assert abs(frame[:, :tile] - frame[:, tile : 2 * tile]).max() > FAINT


@pytest.mark.parametrize("lit", [False, True])
@pytest.mark.parametrize("tile", [MIN_TILE, 4, MIN_DOOR_TILE, 6, 7, 8])
def test_textures_show_at_every_tile_size(tile: int, lit: bool) -> None:
    for u in (0.0, 1.0):
        for part in ("floor", "wall"):
            appearances = [
                GridAppearance(floor=u, wall=u, tile=tile).at({f"{part}_texture": n})
                for n in range(len(TEXTURES))
            ]
            frames = [picture(appearance, lit).astype(int) for appearance in appearances]
            for n, one in enumerate(frames):
                assert all(abs(one - other).max() >= FAINT for other in frames[:n])


def picture(appearance: GridAppearance, lit: bool) -> np.ndarray:
    grid = Grid(5, 5)
    grid.wall_rect(0, 0, 5, 5)
    return GridPainter(appearance).paint(grid.grid, 5, 12, 0, lit=np.full(25, lit))
