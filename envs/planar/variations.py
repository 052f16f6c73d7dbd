"""What each kind of change varies in the planar worlds, and how far in each visual domain.

``colours``      each part's colour, a position ``u`` in [0, 1] on a straight ramp between two RGB
                 colours, so that one latent can carry it; half of ``ood2`` are the far ends of the
                 ramps, the others a second palette;
``hue``          instead of ramps the full hue circle, a harder palette: no latent carries a circle;
``shape``        of the target or object (contact stays that of a disc);
``texture``      of the background;
``distractors``  small discs that move behind everything else;
``camera``       shift and zoom;
``light``        brightness and warmth;
``noise``        of the sensor.
"""

from __future__ import annotations

from dataclasses import replace

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.domains import (
    Domain,
    Ranges,
    Variation,
    both_sides,
    choice,
    interval,
    parse_domain,
    points,
    ramp,
)
from bvae_rl.envs.planar.appearances import (
    HUE_SOURCE,
    SOURCE,
    SOURCE_HUES,
    SOURCE_U,
    PlanarAppearance,
)
from bvae_rl.envs.planar.palettes import PARTS


def _circle(name: str, source: float) -> Variation:
    """A hue in turns; the domains are rings of distance from the source."""
    return Variation(
        FactorSpec(name, "cyclic", "appearance", unit="turn"),
        points(source),
        ood1=(*_arc(source + 0.05, source + 0.3), *_arc(source - 0.3, source - 0.05)),
        ood2=_arc(source + 0.38, source + 0.62),
        pretrain=_arc(source - 0.3, source + 0.3),
    )


def _arc(low: float, high: float) -> Ranges:
    """An arc of the circle [0, 1) as ranges without a turn-over."""
    low, high = low % 1.0, high % 1.0
    return ((low, high),) if low < high else ((0.0, high), (low, 1.0))


def _anywhere(spec: FactorSpec) -> Variation:
    """A value that may be anything but in the source, where it is the least."""
    every = ((spec.low, spec.high),)
    return Variation(spec, points(spec.low), every, every, every)


COLOURS = tuple(ramp(f"{part}_colour", SOURCE_U) for part in PARTS)
KINDS: dict[str, tuple[Variation, ...]] = {
    "colours": COLOURS,
    "hue": tuple(_circle(f"{part}_hue", SOURCE_HUES[part]) for part in PARTS),
    "shape": (choice("target_shape", source=0, ood1=(1, 2), ood2=(3, 4)),),
    "texture": (choice("texture", source=0, ood1=(1, 2), ood2=(3, 4)),),
    "distractors": (
        choice("distractors", source=0, ood1=(1, 2), ood2=(3, 4)),
        _anywhere(FactorSpec("distractor_phase", "cyclic", "appearance", unit="turn")),
    ),
    "camera": (
        both_sides("camera_x", least=0.02, seen=0.1, unseen=0.14, most=0.18, unit="m"),
        both_sides("camera_y", least=0.02, seen=0.1, unseen=0.14, most=0.18, unit="m"),
        interval("zoom", 1.0, ood1=((0.88, 0.97),), ood2=((0.75, 0.82),)),
    ),
    "light": (
        interval("brightness", 1.0, ood1=((0.72, 0.93), (1.05, 1.15)), ood2=((0.5, 0.62),)),
        both_sides("warmth", least=0.03, seen=0.1, unseen=0.15, most=0.2),
    ),
    "noise": (
        interval("noise", 0.0, ood1=((4.0, 12.0),), ood2=((18.0, 25.0),), unit="grey levels"),
    ),
}


def planar_domain(name: str) -> Domain[PlanarAppearance]:
    """The domain of that name; errors as ``parse_domain``."""
    domain = parse_domain(name, KINDS, SOURCE, rivals=("colours", "hue"))
    if "hue" in domain.kinds:
        return replace(domain, source=HUE_SOURCE)
    if domain.base != "ood2" or "colours" not in domain.kinds:
        return domain
    anywhere = tuple(_anywhere(v.spec) if v in COLOURS else v for v in domain.variations)
    second = replace(SOURCE, palette="second")
    return replace(domain, alternative=replace(domain, variations=anywhere, source=second))
