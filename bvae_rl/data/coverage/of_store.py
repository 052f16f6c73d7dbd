"""The coverage of a frame store: measured once, kept beside the frames, and said in words."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bvae_rl.data.collecting.plan import INDEPENDENT
from bvae_rl.data.collecting.shares import MIXED
from bvae_rl.data.coverage.figures import FACTORS, SAMPLE, Coverage, measure, summary
from bvae_rl.data.coverage.file import kept, write
from bvae_rl.data.frame_store import FrameStore

# Of frames less than this even is poor, and more than this share of one picture; measured in four
# worlds (docs/guides/cover.md).
EVEN, SAME = 0.6, 0.25
AGENT = "agent"  # the policy of stores that one collected by itself
UNSEEN = 0.3  # the evenness of a factor of which most was not seen
NAMED = 3  # such factors at most

logger = logging.getLogger(__name__)


def coverage_of(store: FrameStore) -> Coverage:
    """That of ``store``: as it was kept, or measured where it was not."""
    return kept(store) or measured(store)


def measured(store: FrameStore) -> Coverage:
    """By all factors, where there are some, and ``SAMPLE`` frames spread evenly."""
    known = "factors" in store.layout and store.factor_specs
    factors = store.column("factors") if known else None
    return measure(store.take("frames", store.spread(SAMPLE)), factors, store.factor_specs)


def keep(store: FrameStore) -> Coverage:
    """``coverage_of``, written beside the frames."""
    found = kept(store)
    if found is None:
        found = measured(store)
        write(store, found)
    return found


def tell_coverage(store: FrameStore, *, say: Callable[[str], None] = logger.info) -> None:
    """Keep the coverage of what was collected, ``say`` it, and warn where it is poor."""
    found = keep(store)
    say(summary(found))
    for line in advice(found, str(store.meta.get("policy", ""))):
        logger.warning("%s", line)


def doubts(store: FrameStore) -> list[str]:
    """``advice`` for a store whose coverage was kept when it was collected."""
    found = kept(store)
    return [] if found is None else advice(found, str(store.meta.get("policy", "")))


def poor(found: Coverage) -> bool:
    """Whether the frames show too little of the world."""
    return found.evenness < EVEN or found.same > SAME


def advice(found: Coverage, policy: str) -> list[str]:
    """What to do about a poor coverage, in a line; nothing where it is not.

    ``policy`` is the one of the frames, "" where nobody says.
    """
    if not poor(found) or policy == INDEPENDENT:
        return []
    if found.same > SAME:
        why = f"{found.same:.0%} of the frames show nearly the same picture"
    elif found.of == FACTORS:
        least = sorted((even, name) for name, even in found.each.items() if even < UNSEEN)
        names = ", ".join(name for _, name in least[:NAMED])
        seen = f"; hardly any of {names}" if names else ""
        why = f"{found.seen:.0%} of the factors' bins were seen, unevenly{seen}"
    else:
        why = f"most frames are alike (evenness {found.evenness:.2f}) and few differ"
    return [f"{why}: {_cure(policy)}"]


def _cure(policy: str) -> str:
    if policy == MIXED:
        return (
            "other shares (--shares), a --frame-skip, longer episodes (--max-episode-steps), or "
            "frames of a trained agent (--policy FOLDER) may show more"
        )
    if policy == AGENT:
        return "frames of others beside those of the agent show more (collect --policy mixed)"
    return "collect with --policy mixed (policy='mixed')"
