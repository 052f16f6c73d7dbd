"""Which rows go together: hand-made stores, in which every frame shows the number of its row."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bvae_rl.data.collecting.collect import collect_independent
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.envs.planar.reach import PlanarReach
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.training.batches.batch import Batch
from bvae_rl.training.batches.pair_sources import consecutive, known_names, paired, unlabelled
from bvae_rl.training.batches.rows import Rows

PLAIN = VAEConfig(shape=(3, 32, 32), latent_dim=6)
GROUPS = {"content": (0, 4), "style": (4, 6)}
GROUPED = VAEConfig(shape=(3, 32, 32), latent_dim=6, groups=GROUPS)
PARTS = VAEConfig(
    shape=(3, 32, 32), latent_dim=6, groups=GROUPS, parts={"actuator0": (0, 1), "actuator1": (1, 3)}
)


def numbered(
    folder: Path,
    episode: list[int] | np.ndarray,
    actions: Any = None,
    *,
    state: list[int] | None = None,
    **meta: Any,
) -> FrameStore:
    store = FrameStore(folder)
    n = len(episode)
    frames = np.repeat(np.arange(n, dtype=np.uint8), 32 * 32 * 3).reshape(n, 32, 32, 3)
    numbers = np.arange(n) if state is None else np.asarray(state)
    store.declare(**meta)
    given = None if actions is None else np.asarray(actions, dtype=np.float32)
    store.append(Frames(frames, np.asarray(episode), numbers, actions=given))
    return store


def rows_of(x: Tensor | None) -> list[int]:
    assert x is not None
    return (x[:, 0, 0, 0] * 255).round().int().tolist()


def drawn(names: str, rows: Rows, config: VAEConfig | None, *, images: int = 400) -> Batch:
    pairing = unlabelled(names, rows) if config is None else paired(names, rows, config)
    return pairing(rows.store, np.random.default_rng(0), images)


def pairs_in(batch: Batch) -> set[tuple[int, int]]:
    return set(zip(rows_of(batch.x), rows_of(batch.x2), strict=True))


#          row  0      1      2       3      4      5      6       7      8      9
ACTIONS = [[1, 0], [2, 0], [0, 3], [1, 1], [0, 1], [0, 0], [-1, 0], [5, 0], [0, 2], [0, 4]]
EPISODE = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1]
# Of each run: row 0 -> 1 -> 2 by actuator 0, 2 -> 3 by 1, 4 -> 5 by 1, 6 -> 7 by 0. After row 7 the
# episode ends, 8 -> 9 is by actuator 1, and nothing comes after 9.
RUNS = {0: (2, 0), 1: (2, 0), 2: (3, 1), 4: (5, 1), 6: (7, 0), 8: (9, 1)}


def test_runs_of_one_actuator_end_with_it_and_with_the_episode(tmp_path: Path) -> None:
    first, last, which = Rows(numbered(tmp_path, EPISODE, ACTIONS)).interventions()
    found = {int(f): (int(end), int(w)) for f, end, w in zip(first, last, which, strict=True)}
    assert found == RUNS


def test_no_run_leads_through_a_held_out_row(tmp_path: Path) -> None:
    rows = Rows(numbered(tmp_path, [0] * 60, [[1.0, 0.0]] * 60), validation=0.2)
    held = set(rows.validation.tolist())
    assert 4 < len(held) < 25
    first, last, which = rows.interventions()
    expected = {}
    for start in range(59):
        end = start
        while end < 59 and end not in held and end + 1 not in held:
            end += 1
        if end > start:
            expected[start] = end
    assert dict(zip(first.tolist(), last.tolist(), strict=True)) == expected
    assert set(which.tolist()) == {0}


def test_runs_are_as_a_slow_search_finds_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    actions = rng.integers(-1, 2, (200, 3)) * (rng.random((200, 3)) < 0.5)
    episode = np.cumsum(rng.random(200) < 0.1)
    first, last, which = Rows(numbered(tmp_path, episode, actions)).interventions()
    found = dict(zip(first.tolist(), zip(last.tolist(), which.tolist(), strict=True), strict=True))
    expected = {}
    for row in range(200):
        moved = np.flatnonzero(actions[row])
        if len(moved) != 1:
            continue
        end = row
        while (
            end + 1 < 200
            and episode[end + 1] == episode[row]
            and np.flatnonzero(actions[end]).tolist() == moved.tolist()
        ):
            end += 1
        if end > row:
            expected[row] = (end, int(moved[0]))
    assert found == expected
    assert len(expected) > 20


def test_actuator_pairs_share_all_but_what_moved(tmp_path: Path) -> None:
    rows = Rows(numbered(tmp_path, EPISODE, ACTIONS))
    batch = drawn("interventions", rows, PARTS)
    by_hand = {(f, later) for f, (end, _) in RUNS.items() for later in range(f + 1, end + 1)}
    assert pairs_in(batch) == by_hand
    assert batch.shared is not None
    masks = {0: [0, 1, 1, 1, 1, 1], 1: [1, 0, 0, 1, 1, 1]}
    for row, shared in zip(rows_of(batch.x), batch.shared.int().tolist(), strict=True):
        assert shared == masks[RUNS[row][1]]
    unlabelled_batch = drawn("interventions", rows, None)
    assert pairs_in(unlabelled_batch) == by_hand
    assert unlabelled_batch.shared is None
    with pytest.raises(ValueError, match=r"actuator0, actuator1 missing, got \{\}"):
        paired("interventions", rows, GROUPED)


@pytest.mark.parametrize("actions", [None, np.ones((10, 2)), np.arange(10)[:, None] % 4])
def test_no_actuator_moves_in_a_store_without_such_actions(tmp_path: Path, actions: Any) -> None:
    rows = Rows(numbered(tmp_path, EPISODE, actions))  # none; both at once; numbers of choices
    with pytest.raises(ValueError, match=r"moved alone.*this store gives: consecutive, augment"):
        unlabelled("interventions", rows)


def test_one_actuator_of_its_own_is_one(tmp_path: Path) -> None:
    rows = Rows(numbered(tmp_path, [0] * 4, [[0.5], [0.0], [-1.0], [1.0]]))
    assert pairs_in(drawn("interventions", rows, None)) == {(0, 1), (2, 3)}


def test_consecutive_frames_are_of_one_episode_and_of_the_gaps(tmp_path: Path) -> None:
    rows = Rows(numbered(tmp_path, [0] * 10 + [1] * 3))
    same = [(a, b) for a, b in product(range(13), repeat=2) if (a < 10) == (b < 10)]
    assert pairs_in(drawn("consecutive", rows, None, images=2000)) == {
        (a, b) for a, b in same if b - a in (1, 2, 4, 8)
    }
    (only,) = consecutive(rows, PLAIN, False, gaps=[3])
    found = pairs_in(only(rows.store, np.random.default_rng(0), 200))
    assert found == {(a, b) for a, b in same if b - a == 3}
    told = drawn("consecutive", rows, GROUPED)
    assert told.shared is not None
    assert told.shared.int().unique(dim=0).tolist() == [[0, 0, 0, 0, 1, 1]]
    with pytest.raises(ValueError, match="need the latent groups 'content' and 'style'"):
        paired("consecutive", rows, PLAIN)


def test_consecutive_frames_are_never_held_out(tmp_path: Path) -> None:
    for episode in ([0] * 250, list(np.arange(250) // 2)):  # held out one by one, and by episode
        rows = Rows(numbered(tmp_path / str(episode[-1]), episode), validation=0.3)
        held = set(rows.validation.tolist())
        assert len(held) > 40
        found = pairs_in(drawn("consecutive", rows, None))
        assert not held & {row for pair in found for row in pair}


def test_drawn_states_do_not_follow_each_other(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "drawn")
    collect_independent(PlanarReach(size=32), store, 600, seed=0)
    for drawn_store in (store, FrameStore(tmp_path / "drawn")):
        with pytest.raises(ValueError, match=r"follow each other.*this store gives: augment"):
            unlabelled("consecutive", Rows(drawn_store))
    assert store.factor_specs == PlanarReach(size=32).factor_specs
    with pytest.raises(ValueError, match="follow each other"):
        unlabelled("consecutive", Rows(numbered(tmp_path / "one each", [0, 1, 2, 3])))


def test_looks_share_content_across_and_look_within(tmp_path: Path) -> None:
    # states 0..3 in look 0 (rows 0..3), then again in look 1 (rows 4..7); row 8 has no twin
    rows = Rows(numbered(tmp_path, [0] * 4 + [1] * 4 + [2], state=[0, 1, 2, 3, 0, 1, 2, 3, 4]))
    batch = drawn("views", rows, GROUPED)
    assert batch.shared is not None
    twins: set[tuple[int, int]] = set()
    within: set[tuple[int, int]] = set()
    for pair, shared in zip(
        zip(rows_of(batch.x), rows_of(batch.x2), strict=True), batch.shared.int().tolist(),
        strict=True,
    ):  # fmt: skip
        (twins if shared == [1, 1, 1, 1, 0, 0] else within).add(pair)
        assert shared in ([1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1])
    assert twins == {(row, row + 4) for row in range(4)}
    assert within == {(a, b) for a, b in product(range(8), repeat=2) if a != b and a // 4 == b // 4}
    assert pairs_in(drawn("views", rows, None)) == twins | within


def test_augmented_pairs_show_one_frame_twice_or_one_look_twice(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    collect_independent(PlanarReach(size=32, domain="pretrain"), store, 512, seed=0)
    batch = drawn("augment", Rows(store), GROUPED, images=80)
    assert batch.shared is not None and batch.x2 is not None
    assert batch.shared[:20].int().unique(dim=0).tolist() == [[1, 1, 1, 1, 0, 0]]
    assert batch.shared[20:].int().unique(dim=0).tolist() == [[0, 0, 0, 0, 1, 1]]
    again = drawn("augment", Rows(store), None, images=80)
    assert torch.equal(batch.x, again.x) and again.shared is None
    assert (batch.x[:20] != batch.x2[:20]).any()
    grey = FrameStore(tmp_path / "grey")
    grey.append(Frames(np.zeros((8, 32, 32, 1), np.uint8), np.zeros(8), np.arange(8)))
    with pytest.raises(ValueError, match=r"frames of \(1, 32, 32\) have none"):
        unlabelled("augment", Rows(grey))


def test_mixed_pairs_take_equal_shares(tmp_path: Path) -> None:
    rows = Rows(numbered(tmp_path, EPISODE, ACTIONS, state=[0, 1, 2, 3, 4, 5, 6, 7, 0, 1]))
    batch = drawn("views+interventions", rows, PARTS, images=60)
    assert batch.shared is not None
    kinds, counts = np.unique(batch.shared.int().numpy(), axis=0, return_counts=True)
    found = dict(zip(map(tuple, kinds.tolist()), counts.tolist(), strict=True))
    assert found.pop((1, 1, 1, 1, 0, 0)) == found.pop((0, 0, 0, 0, 1, 1)) == 10
    assert set(found) == {(0, 1, 1, 1, 1, 1), (1, 0, 0, 1, 1, 1)}
    assert sum(found.values()) == 10
    with pytest.raises(ValueError, match="name each once, got 'views\\+views'"):
        known_names("views+views", ["views"])
    with pytest.raises(
        ValueError, match=r"does not take pairs 'nights'; it takes: views, interventions, "
    ):
        paired("views+nights", rows, PARTS)
