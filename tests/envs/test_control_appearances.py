"""Appearances of the Control Suite's worlds: domains by draws, and each shows what it says."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bvae_rl.envs.appearance import LEAST
from bvae_rl.envs.control.appearances import RAMPS, SOURCE, ControlAppearance, control_domain
from bvae_rl.envs.control.finger import FingerSpin
from bvae_rl.envs.control.paint import MATERIALS, table
from bvae_rl.envs.control.reacher import ReacherEasy
from bvae_rl.envs.control.suite import load_task
from bvae_rl.envs.control.walker import WalkerWalk
from bvae_rl.envs.control.world import ControlWorld
from tests.control_cases import every_world, need_suite, quick
from tests.domain_cases import holds


@every_world
@pytest.mark.parametrize("kinds", ["", ":light", ":camera", ":all"])
def test_domains_are_disjoint(make: type[ControlWorld], kinds: str) -> None:
    bases = ("source", "ood1", "ood2", "pretrain")
    domains = {base: control_domain(base + kinds, make.parts) for base in bases}
    rng = np.random.default_rng(0)
    for base, domain in domains.items():
        for _ in range(100):
            shown = domain.sample(rng)
            found = [name for name in bases[:3] if holds(domains[name], shown)]
            if base == "pretrain":
                assert holds(domain, shown) and "ood2" not in found
            else:
                assert found == [base]
            assert holds(domains["pretrain"], shown) == (base != "ood2")


def test_the_source_is_no_change_and_needs_no_draw() -> None:
    domain = control_domain("source:all", ("body", "floor"))
    assert domain.sample(np.random.default_rng(0)) == SOURCE == ControlAppearance()
    for part in RAMPS:
        assert not SOURCE.shift(part).any()
        assert ControlAppearance(**{part: 1.0}).shift(part) == pytest.approx(
            np.subtract(RAMPS[part][1], RAMPS[part][0]) / 255
        )
    for part in ("floor", "sky"):
        assert np.array_equal(table(SOURCE, part)[0], np.repeat(np.arange(256)[:, None], 3, axis=1))


def test_body_and_target_can_be_told_apart_in_every_domain() -> None:
    """Over all colours of the ramps; what cannot be, an appearance would refuse."""
    steps = np.linspace(0, 1, 9)
    for body, target, other in product(steps, steps, steps):
        ControlAppearance(body=body, target=target, floor=other, sky=other, decoration=other)
    apart = np.subtract(RAMPS["body"][0], RAMPS["target"][0])
    assert np.linalg.norm(apart) > LEAST


def test_kinds_and_names_that_are_unknown_list_the_known() -> None:
    with pytest.raises(ValueError, match=r"'dark'; known: source, .* kinds: colours, light, cam"):
        WalkerWalk(domain="dark")
    with pytest.raises(
        ValueError, match="unknown kind of change 'hue' in visual domain 'ood1:hue'"
    ):
        FingerSpin(domain="ood1:hue")
    with pytest.raises(ValueError, match=r"the body colour .* must be in \[0, 1\], got 2"):
        ControlAppearance(body=2)


@every_world
def test_factors_of_the_appearance_follow_those_of_the_state(make: type[ControlWorld]) -> None:
    names = [spec.name for spec in make.state_specs]
    assert list(make.limits) == names and set(make.proprioception) <= set(names)
    for spec, (low, high) in zip(make.state_specs, make.limits.values(), strict=True):
        assert spec.low <= low < high <= spec.high, spec.name
    colours = [spec.name for spec in control_domain("ood1", make.parts).specs]
    assert colours == [f"{part}_colour" for part in make.parts]


def shown(make: type[ControlWorld], appearance: ControlAppearance) -> np.ndarray:
    """The first frame in an appearance, as int."""
    env = quick(make, size=32)
    return env.reset(seed=0, options={"appearance": appearance})[0].astype(int)


@pytest.mark.parametrize("part", list(RAMPS))
def test_a_colour_is_that_of_its_part(part: str) -> None:
    """Where it changes the picture, it changes it as the ramp does."""
    need_suite()
    make = ReacherEasy if part in ("target", "decoration") else WalkerWalk
    before, after = (shown(make, ControlAppearance(**{part: u})) for u in (0.0, 1.0))
    change = after - before
    where = np.abs(change).max(axis=-1) > 10
    assert 0.01 < where.mean() < 0.7
    mean, ramp = change[where].mean(axis=0), np.subtract(*RAMPS[part][::-1])
    assert mean @ ramp / np.linalg.norm(mean) / np.linalg.norm(ramp) > 0.9


def test_light_and_camera_show() -> None:
    need_suite()
    plain = shown(WalkerWalk, SOURCE)
    lit = [shown(ReacherEasy, ControlAppearance(brightness=b)).mean() for b in (0.0, 0.5, 1.0)]
    assert lit[0] < 3 and 0.5 < lit[1] / lit[2] < 0.9  # more than half: light is cut off at white
    for changed in ("light_angle", "azimuth", "elevation"):
        other = shown(WalkerWalk, ControlAppearance(**{changed: 12.0}))
        assert np.abs(other - plain).mean() > 0.5, changed
    areas = []
    for zoom in (1.0, 0.7):
        red, green = (shown(ReacherEasy, ControlAppearance(target=u, zoom=zoom)) for u in (0, 1))
        areas.append((np.abs(green - red).max(axis=-1) > 40).sum())
    assert areas[1] / areas[0] == pytest.approx(0.7**2, rel=0.3)


def test_the_ramps_start_at_the_suites_colours() -> None:
    need_suite()
    model = load_task("reacher", "easy").physics.model.ptr
    for part, (first, *_) in MATERIALS.items():
        rgb = 255 * model.material(first).rgba[:3]
        assert rgb == pytest.approx(RAMPS[part][0], abs=1), part
    for name, reduce, part in (("grid", "both", "floor"), ("skybox", "most", "sky")):
        texture = model.texture(name)
        start = int(texture.adr[0])
        size = int(texture.height[0]) * int(texture.width[0])
        pixels = model.tex_data[start : start + 3 * size].reshape(-1, 3)[:: size // 20_000 or 1]
        pixels = pixels[pixels.min(axis=-1) < 255]  # without the stars
        levels = np.unique(pixels, axis=0)
        found = levels.mean(axis=0) if reduce == "both" else levels.max(axis=0)
        assert found == pytest.approx(RAMPS[part][0], abs=2), part
