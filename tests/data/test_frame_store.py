"""The frame store and what fills it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from bvae_rl.data.collecting.collect import STATES_PER_APPEARANCE, collect, collect_independent
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.frame_store import Frames, FrameStore
from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.envs.planar.reach import SPECS, PlanarReach
from bvae_rl.envs.planar.world import EPISODE_STEPS
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.training.batches.batch import single
from bvae_rl.training.batches.pair_sources import paired
from bvae_rl.training.batches.rows import Rows

REACH = EnvConfig("bvae_rl.envs:bvae_rl/PlanarReach-v0", domain="pretrain")
PAIRED = VAEConfig(shape=(3, 32, 32), latent_dim=5, groups={"content": (0, 3), "style": (3, 5)})


def block(n: int, start: int = 0) -> Frames:
    rng = np.random.default_rng(start)
    rows = np.arange(start, start + n)
    return Frames(rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8), rows // 4, rows)


def test_what_goes_in_comes_out_in_order(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    store.append(block(5))
    store.append(block(3, start=5))
    again = FrameStore.existing(tmp_path)
    expected = np.concatenate([block(5).frames, block(3, start=5).frames])
    assert np.array_equal(again.read().frames, expected)
    assert again.read(np.array([6, 1])).state.tolist() == [6, 1]
    assert again.shape == (3, 32, 32)
    assert isinstance(again.array("frames"), np.memmap)
    again.verify()


def test_rows_of_a_killed_append_are_dropped(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    store.append(block(5))
    with (tmp_path / "frames.raw").open("ab") as file:
        file.write(b"half a block")
    again = FrameStore(tmp_path)
    again.append(block(3, start=5))
    again.verify()
    assert len(again) == 8
    assert np.array_equal(again.read(slice(5, 8)).frames, block(3, start=5).frames)


def test_verify_names_the_damaged_block(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    store.append(block(5))
    store.append(block(3, start=5))
    raw = bytearray((tmp_path / "frames.raw").read_bytes())
    raw[6 * 32 * 32 * 3] ^= 255
    (tmp_path / "frames.raw").write_bytes(raw)
    with pytest.raises(ValueError, match=r"rows 5 to 8 of frames \(block 1\) are damaged"):
        FrameStore(tmp_path).verify()


def test_bad_stores_and_blocks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no frame store"):
        FrameStore.existing(tmp_path)
    store = FrameStore(tmp_path)
    store.append(block(5))
    other = Frames(np.zeros((2, 64, 64, 3), np.uint8), np.zeros(2), np.zeros(2))
    with pytest.raises(ValueError, match="does not fit"):
        store.append(other)
    with pytest.raises(ValueError, match="holds frames made with"):
        store.declare(seed=7)
    (tmp_path / "store.json").write_text("[]")
    with pytest.raises(ValueError, match="not a frame store's index"):
        FrameStore(tmp_path)
    with pytest.raises(ValueError, match="must be uint8"):
        Frames(np.zeros((2, 8, 8, 3)), np.zeros(2), np.zeros(2))
    with pytest.raises(ValueError, match="episode has 3 rows for 2 frames"):
        Frames(np.zeros((2, 8, 8, 3), np.uint8), np.zeros(3), np.zeros(2))


def test_acting_keeps_factors_actions_and_episodes(tmp_path: Path) -> None:
    store = FrameStore(tmp_path)
    venv = REACH.vec(2, seed=0)
    collect(venv, store, 200, seed=0)
    frames = store.read()
    assert frames.factors is not None and frames.actions is not None
    world = PlanarReach()
    for row in (0, 63, 64, 127):  # a frame belongs to its factors, also across an episode's end
        world.reset(options={"factors": frames.factors[row].astype(np.float64)})
        assert np.abs(world._frame().astype(int) - frames.frames[row]).max() <= 2
    lengths = np.bincount(frames.episode)
    assert lengths.max() == EPISODE_STEPS
    assert (np.diff(frames.episode) >= 0).all()
    domain = frames.factors[:, 4:]
    for episode in np.unique(frames.episode):
        assert len(np.unique(domain[frames.episode == episode], axis=0)) == 1
    step = np.diff(frames.factors[:10, :2], axis=0)
    assert (
        np.allclose(step, 0.2 * frames.actions[:9], atol=1e-5)
        or (np.abs(step) <= np.abs(0.2 * frames.actions[:9]) + 1e-5).all()
    )


def test_a_scripted_policy_acts_on_what_it_is_shown(tmp_path: Path) -> None:
    seen: list[np.ndarray] = []

    def still(observations: np.ndarray) -> np.ndarray:
        seen.append(observations)
        return np.zeros((2, 2))

    store = FrameStore(tmp_path)
    collect(REACH.vec(2, seed=0), store, 100, seed=0, policy=still)
    frames = store.read()
    assert frames.actions is not None and not frames.actions.any()
    assert np.array_equal(frames.frames[0], seen[0][0])
    assert np.array_equal(frames.frames[0], frames.frames[1])  # nothing moved


def test_a_killed_collection_ends_with_the_same_store(tmp_path: Path) -> None:
    def killed(added: int) -> None:
        if FrameStore(tmp_path / "twice").blocks:
            raise KeyboardInterrupt

    once, twice = FrameStore(tmp_path / "once"), FrameStore(tmp_path / "twice")
    collect(REACH.vec(2, seed=0), once, 300, seed=5)
    with pytest.raises(KeyboardInterrupt):
        collect(REACH.vec(2, seed=0), twice, 300, seed=5, progress=killed)
    assert 0 < len(twice) < len(once)
    collect(REACH.vec(2, seed=0), FrameStore(tmp_path / "twice"), 300, seed=5)
    assert FrameStore(tmp_path / "twice").identity() == once.identity()


def drawn(folder: Path, n: int = 1024) -> FrameStore:
    store = FrameStore(folder)
    collect_independent(PlanarReach(size=32, domain="pretrain"), store, n, seed=0, views=2)
    return store


def test_drawn_views_show_one_state_in_two_looks(tmp_path: Path) -> None:
    store = drawn(tmp_path, 512)
    frames = store.read()
    assert frames.factors is not None
    for number in range(20):
        pair = np.flatnonzero(frames.state == number)
        assert len(pair) == 2
        state, appearance = frames.factors[pair, :4], frames.factors[pair, 4:]
        assert np.array_equal(state[0], state[1])
        assert not np.array_equal(appearance[0], appearance[1])
    first = frames.factors[frames.episode == 0]
    assert len(first) == STATES_PER_APPEARANCE
    assert len(np.unique(first[:, 4:], axis=0)) == 1


def test_two_views_need_look_factors(tmp_path: Path) -> None:
    no_domains = PlanarReach()
    no_domains.factor_specs = SPECS[:4]
    with pytest.raises(ValueError, match="role 'appearance'"):
        collect_independent(no_domains, FrameStore(tmp_path), 10, seed=0, views=2)


def test_pairs_are_what_they_say(tmp_path: Path) -> None:
    store = drawn(tmp_path)
    factors = np.asarray(store.array("factors"))
    rows = Rows(store, validation=0.1)
    pair = rows.same_state[:200]
    assert np.array_equal(factors[pair[:, 0], :4], factors[pair[:, 1], :4])
    same_appearance = rows.same_appearance(np.random.default_rng(0), 500)
    assert np.array_equal(factors[same_appearance[:, 0], 4:], factors[same_appearance[:, 1], 4:])
    assert (same_appearance[:, 0] != same_appearance[:, 1]).all()
    assert not rows.one_appearance
    again = rows.two_states(np.random.default_rng(0), 500)
    assert np.array_equal(again, same_appearance)


def test_no_validation_state_is_trained_on(tmp_path: Path) -> None:
    store = drawn(tmp_path)
    rows = Rows(store, validation=0.1)
    state = np.asarray(store.array("state"))
    assert not set(state[rows.train]) & set(state[rows.validation])
    assert 0.05 < len(rows.validation) / len(store) < 0.15
    held = set(rows.validation.tolist())
    assert not held & set(rows.same_state.ravel().tolist())
    assert not held & set(rows.same_appearance(np.random.default_rng(0), 2000).ravel().tolist())


def test_a_batch_of_pairs_marks_what_is_shared(tmp_path: Path) -> None:
    store = drawn(tmp_path)
    draw = paired("views", Rows(store), PAIRED)
    batch = draw(store, np.random.default_rng(0), 64)
    assert batch.x.shape == batch.x2.shape == (32, 3, 32, 32)  # type: ignore[union-attr]
    assert batch.shared is not None
    assert batch.shared[:16].int().unique(dim=0).tolist() == [[1, 1, 1, 0, 0]]
    assert batch.shared[16:].int().unique(dim=0).tolist() == [[0, 0, 0, 1, 1]]
    again = draw(store, np.random.default_rng(0), 64)
    assert (batch.x == again.x).all()


def test_pairs_need_groups_and_views(tmp_path: Path) -> None:
    store = drawn(tmp_path / "two")
    with pytest.raises(ValueError, match="need the latent groups"):
        paired("views", Rows(store), VAEConfig(latent_dim=5))
    plain = FrameStore(tmp_path / "one")
    collect_independent(PlanarReach(size=32), plain, 600, seed=0)
    with pytest.raises(ValueError, match="no pairs of one state in two appearances"):
        paired("views", Rows(plain), PAIRED)
    assert single(Rows(plain))(plain, np.random.default_rng(0), 8).x2 is None


def test_symbolic_observations_are_refused(tmp_path: Path) -> None:
    grid = EnvConfig("minigrid:MiniGrid-Empty-5x5-v0", ("minigrid.wrappers:ImgObsWrapper",))
    with pytest.raises(ValueError, match=r"symbolic .* RGB wrapper"):
        collect(grid.vec(1, seed=0), FrameStore(tmp_path), 10, seed=0)
    with pytest.raises(ValueError, match=r"symbolic .* RGB wrapper"):  # the picture of the Dict
        FrameLayout.of(EnvConfig("minigrid:MiniGrid-Empty-5x5-v0").make().observation_space)


def test_unknown_environments_wrappers_and_looks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown environment .* known: bvae_rl/PlanarReach-v0"):
        EnvConfig("bvae_rl/PlanarReech-v0").make()
    with pytest.raises(ValueError, match="unknown wrapper"):
        EnvConfig("minigrid:MiniGrid-Empty-5x5-v0", ("minigrid.wrappers:Nothing",)).make()
    with pytest.raises(ValueError, match=r"has no visual domains: leave .* out .--domain"):
        EnvConfig("minigrid:MiniGrid-Empty-5x5-v0", domain="ood1").make()
    with pytest.raises(ValueError, match="known: source, ood1, ood2, pretrain"):
        REACH.with_domain("night").make()
    assert isinstance(REACH.make(), gym.Env)


def test_two_views_of_one_look_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two views need two appearances"):
        collect_independent(PlanarReach(domain="source"), FrameStore(tmp_path), 10, seed=0, views=2)


def test_a_store_describes_itself_and_describing_changes_nothing(tmp_path: Path) -> None:
    store = FrameStore(tmp_path / "frames")
    assert store.describe() == f"{store.folder}: no frames yet"
    store.declare(factor_specs=SPECS[:2], env="Arm-v0", domain=None, seed=0)
    store.expect(20)
    rows = np.arange(13)
    frames = block(13).frames
    store.append(Frames(frames, np.minimum(rows // 4, 2), rows, frames[:, 0, 0, :2]))
    again = FrameStore(store.folder)
    assert again.describe().splitlines() == [
        f"{store.folder}: 13 frames of 32x32x3 (39.9 kB)",
        "  missing   7 frames of an interrupted collection",
        "  episodes  3, of 4 to 5 frames (median 4)",
        f"  factor    shoulder: state, {SPECS[0].range_text}",
        f"  factor    elbow: state, {SPECS[1].range_text}",
        "  made      env=Arm-v0, seed=0",
    ]
    assert repr(again) == f"FrameStore({str(store.folder)!r}): 13 frames, 32x32x3"
    again.describe()
    assert again.meta == {"env": "Arm-v0", "domain": None, "seed": 0}
    assert again.identity() == store.identity()
    actions = np.zeros((8, 2), np.float32)
    (other := FrameStore(tmp_path / "other")).append(
        Frames(block(8).frames, np.arange(8) // 4, np.arange(8) // 2, actions=actions)
    )
    assert other.describe().splitlines()[1:] == [
        "  episodes  2, of 4 frames each",
        "  states    4, each in 2 views on average",
        "  factors   none known",
        "  actions   2 a frame",
        "  made      in a way that nobody stated",
    ]


def test_what_stopped_a_write_is_said_in_the_systems_words(tmp_path: Path) -> None:
    code = f"""
import resource, signal, pathlib, numpy as np
from bvae_rl.runtime.appending import write_at
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write_at(pathlib.Path({str(tmp_path / "frames.raw")!r}), 0, np.zeros(10_000))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "RunError: cannot write" in done.stderr and "File too large; pass --out" in done.stderr
