"""What the appearances of the planar worlds vary, and how far in each set: see ``appearances``."""

from __future__ import annotations

from bvae_rl.data.factors import FactorSpec
from bvae_rl.envs.domains import Range, Variation, both_sides, choice, ramp

SOURCE_U = 0.15
SOURCE_HUES = {"arm": 0.08, "target": 0.6, "background": 0.4}  # in turns

SHAPES = ("disc", "square", "diamond", "triangle", "star")
TEXTURES = ("plain", "gradient", "stripes", "checker", "clouds")


def _circle(name: str, source: float) -> Variation:
    """A hue in turns; the sets are rings of distance from the source."""
    return Variation(
        FactorSpec(name, "cyclic", "appearance", unit="turn"),
        source,
        ood1=(*_arc(source + 0.05, source + 0.3), *_arc(source - 0.3, source - 0.05)),
        ood2=_arc(source + 0.38, source + 0.62),
        seen=_arc(source - 0.3, source + 0.3),
    )


def _arc(low: float, high: float) -> tuple[Range, ...]:
    """An arc of the circle [0, 1) as ranges without a turn-over."""
    low, high = low % 1.0, high % 1.0
    return ((low, high),) if low < high else ((0.0, high), (low, 1.0))


_PHASE = Variation(
    FactorSpec("distractor_phase", "cyclic", "appearance", unit="turn"),
    0.0,
    ood1=((0.0, 1.0),),
    ood2=((0.0, 1.0),),
    seen=((0.0, 1.0),),
)

KINDS: dict[str, tuple[Variation, ...]] = {
    "colours": tuple(ramp(f"{part}_colour", SOURCE_U) for part in SOURCE_HUES),
    "hue": tuple(_circle(f"{part}_hue", hue) for part, hue in SOURCE_HUES.items()),
    "shape": (choice("target_shape", source=0, ood1=(1, 2), ood2=(3, 4)),),
    "texture": (choice("texture", source=0, ood1=(1, 2), ood2=(3, 4)),),
    "distractors": (choice("distractors", source=0, ood1=(1, 2), ood2=(3, 4)), _PHASE),
    "camera": (
        *(
            both_sides(axis, least=0.02, seen=0.1, unseen=0.14, most=0.18, unit="m")
            for axis in ("camera_x", "camera_y")
        ),
        Variation(
            FactorSpec("zoom", role="appearance", low=0.75, high=1.0),
            1.0,
            ood1=((0.88, 0.97),),
            ood2=((0.75, 0.82),),
            seen=((0.88, 1.0),),
        ),
    ),
    "light": (
        Variation(
            FactorSpec("brightness", role="appearance", low=0.5, high=1.15),
            1.0,
            ood1=((0.72, 0.93), (1.05, 1.15)),
            ood2=((0.5, 0.62),),
            seen=((0.72, 1.15),),
        ),
        both_sides("warmth", least=0.03, seen=0.1, unseen=0.15, most=0.2),
    ),
    "noise": (
        Variation(
            FactorSpec("noise", role="appearance", low=0.0, high=25.0, unit="grey levels"),
            0.0,
            ood1=((4.0, 12.0),),
            ood2=((18.0, 25.0),),
            seen=((0.0, 12.0),),
        ),
    ),
}
