"""Kinds of appearances: what each does to a planar frame, and that their sets cannot meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from bvae_rl.envs.contrast import check_distinct
from bvae_rl.envs.domains import DOMAINS, Variation, make_domain
from bvae_rl.envs.planar import arm as planar
from bvae_rl.envs.planar.appearances import (
    HUE_SOURCE,
    SOURCE,
    Appearance,
    in_set,
    planar_set,
    sample_appearance,
)
from bvae_rl.envs.planar.palettes import MIN_CONTRAST, PARTS
from bvae_rl.envs.planar.push import PlanarPush
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.envs.planar.scene import OUTLINES, draw
from bvae_rl.envs.planar.variations import KINDS, SHAPES, TEXTURES
from bvae_rl.envs.planar.world import DRIFT

Q, TARGET = np.array([1.2, 0.9]), np.array([0.4, 0.3])  # the arm is to the left of the target
PIXEL = planar.WINDOW / 64
MEMBERS = {"source": {"source", "pretrain"}, "ood1": {"ood1", "pretrain"}, "ood2": {"ood2"}}
EVERY = "shape+texture+distractors+camera+light+noise"

every_kind = pytest.mark.parametrize("kinds", [*KINDS, "all", f"hue+{EVERY}"])


def frame(appearance: Appearance, **state: np.ndarray) -> np.ndarray:
    return draw(state.get("q", Q), state.get("target", TARGET), appearance)


def meet(first: tuple[tuple[float, float], ...], second: tuple[tuple[float, float], ...]) -> bool:
    return any(a <= d and c <= b for a, b in first for c, d in second)


@every_kind
def test_sets_are_disjoint_whatever_is_varied(kinds: str) -> None:
    rng = np.random.default_rng(0)
    for name, expected in MEMBERS.items():
        for _ in range(100):
            appearance = sample_appearance(f"{name}:{kinds}", rng)
            assert {
                other for other in DOMAINS if in_set(appearance, f"{other}:{kinds}")
            } == expected
    for _ in range(100):
        appearance = sample_appearance(f"pretrain:{kinds}", rng)
        assert in_set(appearance, f"pretrain:{kinds}") and not in_set(appearance, f"ood2:{kinds}")


@pytest.mark.parametrize(
    "variation", [k for variations in KINDS.values() for k in variations], ids=str
)
def test_the_ranges_of_a_knob_are_apart_and_within_its_factor(variation: Variation) -> None:
    home = variation.ranges("source")
    for low, high in (*home, *variation.ood1, *variation.ood2, *variation.seen):
        assert variation.spec.contains(low) and variation.spec.contains(high) and low <= high
    assert variation.spec.role == "appearance"
    assert all(meet((part,), variation.seen) for part in (*home, *variation.ood1))
    if variation.spec.name != "distractor_phase":  # where they are on their way is in no set
        assert not meet(home, variation.ood1) and not meet(variation.seen, variation.ood2)


@every_kind
def test_what_a_set_does_not_vary_stays_as_in_the_source(kinds: str) -> None:
    varied = {spec.name for spec in planar_set(f"ood1:{kinds}").specs}
    home = HUE_SOURCE if "hue" in kinds else SOURCE
    for seed in range(20):
        appearance = sample_appearance(f"ood1:{kinds}", np.random.default_rng(seed))
        assert appearance != home
        assert home.at({name: appearance.factor(name) for name in varied}) == appearance


def test_the_hue_sets_hold_the_full_circle_but_for_the_gaps_between_them() -> None:
    for variation in KINDS["hue"]:
        length = {name: sum(b - a for a, b in variation.ranges(name)) for name in ("ood1", "ood2")}
        assert length["ood1"] == pytest.approx(0.5) and length["ood2"] == pytest.approx(0.24)
        assert variation.spec.kind == "cyclic"


def test_hues_keep_their_distance_whatever_they_are() -> None:
    hues = np.linspace(0, 1, 24, endpoint=False)
    colours = [Appearance(h, h, h, palette="hue").colours() for h in hues]
    for first, second in (("arm", "target"), ("target", "background"), ("arm", "background")):
        points = [np.array([c[part] for c in colours], float) for part in (first, second)]
        gaps = np.linalg.norm(points[0][:, None] - points[1][None], axis=-1)
        assert gaps.min() > MIN_CONTRAST


def test_look_factors_read_back_what_they_set() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        appearance = sample_appearance("pretrain:all", rng)
        values = {
            spec.name: appearance.factor(spec.name) for spec in planar_set("source:all").specs
        }
        assert SOURCE.at(values) == appearance


def test_the_camera_moves_the_picture() -> None:
    still = frame(SOURCE)
    moved = frame(replace(SOURCE, camera_x=2 * PIXEL, camera_y=-3 * PIXEL))
    assert np.array_equal(moved[:-3, :-2], np.roll(still, (-3, -2), (0, 1))[:-3, :-2])
    near = draw(Q, TARGET, replace(SOURCE, zoom=2.0), size=64)
    large = draw(Q, TARGET, SOURCE, size=128)[32:96, 32:96]
    assert (near != large).any(axis=-1).mean() < 0.005  # lines that leave the frame are cut anew


def test_the_light_multiplies_the_channels() -> None:
    dim = frame(replace(SOURCE, brightness=0.5, warmth=0.2)).astype(float)
    expected = frame(SOURCE) * np.array([0.5 * 1.2, 0.5, 0.5 * 0.8])
    assert np.abs(dim - expected).max() <= 3  # colours are rounded before smoothing


@pytest.mark.parametrize("texture", TEXTURES[1:])
def test_a_texture_changes_the_background_alone(texture: str) -> None:
    plain, drawn = frame(SOURCE), frame(replace(SOURCE, texture=texture))
    ground = (plain == np.array(SOURCE.colours()["background"])).all(axis=-1)
    lighter = drawn.astype(int) - plain
    smooth_edge = np.abs(lighter[~ground]).max(axis=-1) > 0
    assert smooth_edge.mean() < 0.5
    assert lighter[ground].min() >= 0 and lighter[ground].max() > 25
    assert lighter[ground].std() > 5


def test_shapes_have_the_area_of_the_disc_and_differ() -> None:
    for corners in OUTLINES.values():
        x, y = np.array(corners).T
        area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
        assert area == pytest.approx(np.pi)
    frames = [frame(replace(SOURCE, shape=shape)) for shape in SHAPES]
    colour = np.array(SOURCE.colours()["target"])
    sizes = [(picture == colour).all(axis=-1).sum() for picture in frames]
    assert min(sizes) > 0.7 * max(sizes)
    for n, picture in enumerate(frames):
        assert not any(np.array_equal(picture, other) for other in frames[:n])


def test_noise_has_its_deviation_and_follows_the_state() -> None:
    grey = Appearance(background=1.0)  # far from 0 and 255, so that nothing is cut off
    ground = (frame(grey) == 150).all(axis=-1)
    noisy = frame(replace(grey, noise=10.0)).astype(float)
    assert (noisy[ground] - 150).std() == pytest.approx(10.0, rel=0.05)
    assert abs((noisy[ground] - 150).mean()) < 0.5
    assert np.array_equal(noisy, frame(replace(grey, noise=10.0)))
    other = frame(replace(grey, noise=10.0), q=Q + 0.01)
    correlation = np.corrcoef(noisy[ground].ravel(), other[ground].ravel())[0, 1]
    assert abs(correlation) < 0.1
    stored = frame(replace(grey, noise=10.0), q=Q.astype(np.float32).astype(float))
    assert np.array_equal(noisy, stored)


def test_distractors_move_behind_everything_else() -> None:
    env = PlanarReach(domain="ood1:distractors")
    env.reset(seed=0)
    domain, frames = [], []
    for _ in range(30):
        frames.append(env.step(np.zeros(2))[0])
        domain.append(env.appearance)
    turns = np.diff([appearance.phase for appearance in domain]) % 1.0
    assert np.allclose(turns, DRIFT)
    plain = draw(env.factors()[:2], env.factors()[2:4], SOURCE)
    for part in ("arm", "target"):
        whole = (plain == np.array(SOURCE.colours()[part])).all(axis=-1)
        assert whole.sum() > 20
        assert all(np.array_equal(picture[whole], plain[whole]) for picture in frames)
    assert all((picture != frames[0]).any() for picture in frames[1:])
    assert domain[0] == replace(SOURCE, distractors=domain[0].distractors, phase=domain[0].phase)


def test_the_factors_of_a_world_are_those_of_its_kinds() -> None:
    assert [spec.name for spec in PlanarPush(domain="ood1:camera+noise").factor_specs[6:]] == [
        "camera_x",
        "camera_y",
        "zoom",
        "noise",
    ]
    assert (
        PlanarReach(domain="ood2").factor_specs == PlanarReach(domain="ood2:colours").factor_specs
    )
    env = PlanarReach(domain="source:light")
    _, info = env.reset(seed=0, options={"factors": {"brightness": 0.6, "elbow": 0.5}})
    assert info["factors"].tolist()[4:] == [0.6, 0.0] and env.appearance.brightness == 0.6
    with pytest.raises(ValueError, match="unknown factor 'arm_colour'"):
        env.reset(options={"factors": {"arm_colour": 0.2}})


def test_parts_that_look_alike_are_refused_unless_allowed() -> None:
    with pytest.raises(ValueError, match=r"arm \(.*\) and target \(.*\) cannot be told apart"):
        Appearance(brightness=0.1)
    dark = Appearance(brightness=0.1, indistinct=True)
    assert draw(Q, TARGET, dark).max() < 40
    with pytest.raises(ValueError, match=r"target .* and key .* 10 of 441"):
        check_distinct({"target": (0, 0, 0), "key": (10, 0, 0)}, least=11)
    check_distinct({"target": (0, 0, 0), "key": (10, 0, 0)}, least=10)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"shape": "heart"}, "unknown shape 'heart'; known: disc, square"),
        ({"texture": "wood"}, "unknown texture 'wood'; known: plain"),
        ({"palette": "third"}, "unknown palette 'third'; known: main, second, hue"),
        ({"zoom": 3.0}, r"zoom of an appearance must be in \[0.5, 2\], got 3.0"),
        ({"distractors": 5}, r"distractors of an appearance must be in \[0, 4\], got 5"),
        ({"noise": float("nan")}, "noise of an appearance must be in"),
    ],
)
def test_a_look_that_cannot_be_says_what_can(wrong: Mapping[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Appearance(**wrong)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dark", "unknown visual domain 'dark'; known: source, ood1, ood2, pretrain"),
        ("ood1:fog", "unknown kind of appearance 'fog' in 'ood1:fog'; .* kinds: colours, hue"),
        ("ood1:", "unknown kind of appearance '' in 'ood1:'"),
        ("ood1:hue+colours", "colours and hue|hue and colours exclude each other"),
    ],
)
def test_unknown_names_list_the_known(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PlanarReach(domain=name)


@pytest.mark.parametrize("domain", [None, 3, ["ood1"]])
def test_what_is_no_name_is_refused(domain: object) -> None:
    with pytest.raises(TypeError, match="domain is the name of a visual domain"):
        PlanarReach(domain=domain)


@pytest.mark.parametrize("action", [[np.nan, 0.0], [0.1], 3])
def test_what_is_no_action_is_refused_and_nothing_moves(action: object) -> None:
    env = PlanarPush()
    env.reset(seed=0)
    before = env.factors()
    with pytest.raises(ValueError, match="an action is two finite joint velocities"):
        env.step(np.array(action))
    assert np.array_equal(env.factors(), before)


def test_all_takes_one_palette_and_kinds_come_in_one_order() -> None:
    assert planar_set("ood1:all+camera").kinds == planar_set("ood1:all").kinds
    assert planar_set("ood1:all").kinds == tuple(kind for kind in KINDS if kind != "hue")
    one, other = (make_domain(f"ood1:{kinds}", KINDS) for kinds in ("noise+light", "light+noise"))
    assert one.specs == other.specs
    assert [
        part for part in PARTS if f"{part}_hue" in {s.name for s in planar_set("ood1:hue").specs}
    ]
