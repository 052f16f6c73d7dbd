"""The pushing world: contact, impossible factors, rewards."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import bvae_rl.envs  # noqa: F401  registers the environment
from bvae_rl.data.factors import FactorEnv, factor_env
from bvae_rl.envs.planar import arm as planar
from bvae_rl.envs.planar.appearances import SOURCE
from bvae_rl.envs.planar.palettes import MIN_CONTRAST
from bvae_rl.envs.planar.push import APPROACH, SPECS, START_DISTANCE, TOLERANCE, PlanarPush
from bvae_rl.envs.planar.scene import draw
from bvae_rl.envs.planar.variations import planar_domain
from bvae_rl.envs.planar.world import EPISODE_STEPS, MAX_STEP
from tests.domain_cases import holds

ENV_ID = "bvae_rl/PlanarPush-v0"
NAMES = [spec.name for spec in SPECS]
LOW, HIGH = np.array([s.low for s in SPECS]), np.array([s.high for s in SPECS])
STRAIGHT = planar.UPPER_ARM + planar.FOREARM  # length of the arm with the elbow at 0
CLEAR = planar.DISC_RADIUS + planar.TIP_RADIUS

both_contacts = pytest.mark.parametrize("links", [False, True])


def place(env: PlanarPush, **factors: float) -> dict[str, float]:
    """Reset to the named factors and return all of them."""
    _, info = env.reset(seed=0, options={"factors": factors})
    return named(info["factors"])


def named(factors: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, factors.tolist(), strict=True))


def depth(env: PlanarPush) -> float:
    factors = env.factors()
    return max(planar.overlaps(factors[:2], factors[2:4], links=env.links).values())


def walk(env: PlanarPush, seed: int, *, steps: int = EPISODE_STEPS) -> list[tuple[Any, ...]]:
    """Full-speed moves held for a few steps each; what ``step`` returned."""
    rng = np.random.default_rng(seed)
    signs = np.repeat(rng.choice([-1.0, 1.0], (steps // 5 + 1, 2)), 5, axis=0)
    return [env.step(action) for action in signs[:steps]]


@both_contacts
def test_no_overlap_at_full_speed_and_the_disc_stays_in_its_box(links: bool) -> None:
    env = PlanarPush(links=links)
    moved = 0
    for seed in range(100):
        env.reset(seed=seed)
        before = env.factors()[2:4]
        for *_, info in walk(env, seed):
            assert depth(env) <= planar.TOUCH
            disc = info["factors"][2:4]
            assert np.all((disc >= planar.DISC_LOW) & (disc <= planar.DISC_HIGH))
            assert np.all(info["factors"][:2] >= planar.Q_LOW - 1e-12)
            assert np.all(info["factors"][:2] <= planar.Q_HIGH + 1e-12)
            moved += not np.array_equal(disc, before)
            before = disc
    assert moved > 100  # so that there was something to see


@both_contacts
def test_the_disc_moves_only_when_it_is_touched(links: bool) -> None:
    env, rng = PlanarPush(links=links), np.random.default_rng(0)
    untouched = 0
    for seed in range(40):
        env.reset(seed=seed)
        for action in rng.uniform(-1.0, 1.0, (EPISODE_STEPS, 2)):
            before = env.factors()
            meant = np.clip(before[:2] + MAX_STEP * action, planar.Q_LOW, planar.Q_HIGH)
            way = np.linspace(before[:2], meant, 60)
            gap = -max(max(planar.overlaps(q, before[2:4], links=links).values()) for q in way)
            env.step(action)
            if gap > 0.005:  # more than the arm moves between two points of the way
                assert np.array_equal(env.factors()[2:4], before[2:4])
                assert env.factors()[:2] == pytest.approx(meant)
                untouched += 1
    assert untouched > 100


def test_a_push_moves_the_disc_away_from_the_tip_by_the_overlap() -> None:
    """The elbow alone turns by less than a sub-step; the disc touches the tip just ahead of it."""
    q, turned = np.array([0.4, 1.17]), np.array([0.4, 1.17 + 0.9 * planar.SUB_STEP])
    (_, tip), (_, there) = planar.joints(q), planar.joints(turned)
    disc = tip + CLEAR * (there - tip) / np.linalg.norm(there - tip)
    q_after, after = planar.push(q, turned - q, disc)
    assert q_after == pytest.approx(turned)
    assert after - disc == pytest.approx(there - tip)


def test_pushing_on_keeps_the_disc_ahead_of_the_tip() -> None:
    env = PlanarPush()
    place(env, shoulder=0.4, elbow=1.17, disc_x=0.25, disc_y=0.15)
    before = env.factors()
    for _ in range(5):
        env.step(np.array([0.0, 1.0]))
        after, (_, tip) = env.factors(), planar.joints(env.factors()[:2])
        moved = after[2:4] - before[2:4]
        assert moved @ (after[2:4] - tip) >= 0  # never towards the tip
        assert np.linalg.norm(moved) <= MAX_STEP * STRAIGHT
        before = after
    assert before[2] < 0.05  # it went with the tip, to the left


def test_a_swinging_link_takes_the_disc_along_and_never_jumps_over_it() -> None:
    q, disc = np.array([0.6, 0.0]), np.array([0.25, 0.1])
    for _ in range(5):
        q, disc = planar.push(q, np.array([MAX_STEP, 0.0]), disc, links=True)
        arm, away = np.array([np.cos(q[0]), np.sin(q[0])]), disc - planar.BASE
        ahead = arm[0] * away[1] - arm[1] * away[0]  # of the arm's line
        assert ahead >= planar.DISC_RADIUS + planar.LINK_WIDTH / 2 - planar.TOUCH
    assert disc[0] < 0.0
    assert q[0] == pytest.approx(0.6 + 5 * MAX_STEP)


def test_a_disc_that_cannot_give_way_stops_the_arm() -> None:
    corner = planar.DISC_LOW  # left and down are shut, and from there the tip comes
    q, ahead = (
        np.array(planar.poses(tip)[-1]) for tip in (corner + 0.75 * CLEAR, corner + 0.7 * CLEAR)
    )
    move = MAX_STEP * (ahead - q) / np.abs(ahead - q).max()
    after, disc = planar.push(q, move, corner)
    assert np.array_equal(disc, corner)
    assert np.abs(after - (q + move)).max() > planar.SUB_STEP
    gap = np.linalg.norm(planar.joints(after)[1] - disc) - CLEAR
    assert -planar.TOUCH <= gap < planar.SUB_STEP * STRAIGHT * 1.5
    away = planar.SUB_STEP * np.array([1.0, -1.0])  # the shoulder pushes on, the elbow gives way
    assert planar.push(after, away, corner)[0] == pytest.approx(after + away * [0, 1])


def test_links_push_only_when_they_lie_on_the_table() -> None:
    q, disc = np.array([1.2, 0.0]), planar.BASE + 0.7 * np.array([np.cos(1.55), np.sin(1.55)])
    move = np.array([MAX_STEP, 0.0])
    assert np.array_equal(planar.push(q, move, disc)[1], disc)
    assert not np.array_equal(planar.push(q, move, disc, links=True)[1], disc)


def test_disc_and_goal_stay_within_reach_and_within_the_picture() -> None:
    for x in (planar.DISC_LOW[0], planar.DISC_HIGH[0]):
        for y in (planar.DISC_LOW[1], planar.DISC_HIGH[1]):
            corner = np.array([x, y])
            away = np.linalg.norm(corner - planar.BASE)
            assert away + CLEAR < STRAIGHT + 0.01  # the fingertip gets behind the disc
            assert np.abs(corner).max() + planar.RING_RADIUS + 0.05 < planar.WINDOW / 2


def test_the_reward_is_what_the_docstring_says() -> None:
    """The disc has to go right, so the tip goes to its left, with the elbow on either side."""
    env, (x, y), q = PlanarPush(), (0.1, 0.3), np.array([2.2, 0.6])
    poses = planar.poses(np.array([x - CLEAR, y]))
    assert len(poses) == 2
    way = min(np.abs(pose - q).max() for pose in poses)
    for goal_x, success in ((0.35, False), (0.2, True)):
        place(env, shoulder=q[0], elbow=q[1], disc_x=x, disc_y=y, goal_x=goal_x, goal_y=y)
        _, reward, _, _, info = env.step(np.zeros(2))
        assert info["is_success"] == success == (goal_x - x < TOLERANCE)
        assert reward == pytest.approx((1.0 if success else -APPROACH * way) - (goal_x - x))


def test_poses_bring_the_tip_there_and_leave_none_out() -> None:
    rng = np.random.default_rng(0)
    for q in rng.uniform(planar.Q_LOW, planar.Q_HIGH, (200, 2)):
        _, tip = planar.joints(q)
        found = np.array(planar.poses(tip))
        assert np.abs(found - q).max(axis=1).min() < 1e-6
        assert all(planar.joints(pose)[1] == pytest.approx(tip) for pose in found)
    assert planar.poses(planar.BASE + np.array([0.0, STRAIGHT + 0.01])) == []


def test_every_push_that_is_asked_for_is_within_the_joint_limits() -> None:
    rng = np.random.default_rng(0)
    discs, goals = rng.uniform(planar.DISC_LOW, planar.DISC_HIGH, (2, 3000, 2))
    for disc, goal in zip(discs, goals, strict=True):
        distance = np.linalg.norm(goal - disc)
        if distance >= START_DISTANCE:
            assert planar.poses(disc - CLEAR * (goal - disc) / distance)


def test_episodes_start_clear_and_away_from_the_goal() -> None:
    env = PlanarPush()
    for seed in range(200):
        _, info = env.reset(seed=seed)
        factors = info["factors"]
        assert not info["is_success"]
        assert np.linalg.norm(factors[2:4] - factors[4:6]) >= START_DISTANCE
        assert depth(env) <= planar.TOUCH


@both_contacts
def test_drawn_factors_are_possible_and_come_back_as_set(links: bool) -> None:
    env = PlanarPush(domain="ood2", links=links)
    rng = np.random.default_rng(0)
    for _ in range(100):
        wanted = env.sample_factors(rng)
        frame = env.set_factors(wanted)
        assert depth(env) <= planar.TOUCH
        assert np.array_equal(env.factors(), wanted)
        assert np.array_equal(env.set_factors(wanted), frame)
        assert holds(planar_domain("ood2"), env.appearance)


@both_contacts
def test_a_state_that_was_visited_can_be_set_from_float32(links: bool) -> None:
    env = PlanarPush(links=links)
    for seed in range(20):
        env.reset(seed=seed)
        for frame, *_, info in walk(env, seed):
            stored = np.clip(info["factors"].astype(np.float32), LOW, HIGH)
            kept = env.factors()
            again = env.set_factors(stored)
            assert np.abs(again.astype(int) - frame).max() <= 40  # a rounded sixteenth of a pixel
            env.set_factors(kept)


def test_goal_and_colours_are_independent_of_the_rest() -> None:
    env = gym.make(ENV_ID, domain="pretrain")
    source = factor_env(env)
    assert isinstance(source, FactorEnv)
    rng = np.random.default_rng(0)
    factors = np.stack([source.sample_factors(rng) for _ in range(2000)])
    related = np.abs(np.corrcoef(factors.T) - np.eye(len(SPECS)))
    assert related[4:].max() < 0.1
    assert related[:4, :4].max() < 0.2  # no arm inside the disc


def test_an_arm_inside_the_disc_is_refused_and_nothing_changes() -> None:
    env = PlanarPush(domain="pretrain")
    env.reset(seed=0)
    q = np.array([1.2, 1.8])
    _, tip = planar.joints(q)
    inside = np.array([*q, *tip, 0.1, 0.1, 0.7, 0.7, 0.7])
    before, frame = env.factors(), env._frame()
    message = r"the fingertip would be 0\.21 m inside the disc at .* move the disc or the joints"
    with pytest.raises(ValueError, match=message):
        env.set_factors(inside)
    with pytest.raises(ValueError, match=message):
        env.reset(options={"factors": inside})
    given = dict(zip(NAMES[:4], inside, strict=False))
    with pytest.raises(ValueError, match=message):  # whatever the goal is
        env.reset(options={"factors": given})
    with pytest.raises(ValueError, match="'disc_x' = 2 is outside its range"):
        env.set_factors(np.array([*q, 2.0, *inside[3:]]))
    with pytest.raises(ValueError, match="expected 9 factors"):
        env.set_factors(np.zeros(7))
    assert np.array_equal(env.factors(), before)
    assert np.array_equal(env._frame(), frame)


def test_a_link_inside_the_disc_is_refused_only_where_links_push() -> None:
    q = np.array([1.5, 0.0])
    on_the_arm = planar.BASE + 0.6 * np.array([np.cos(q[0]), np.sin(q[0])])
    factors = np.array([*q, *on_the_arm, -0.3, 0.1, 0.2, 0.2, 0.2])
    PlanarPush().set_factors(factors)
    with pytest.raises(ValueError, match=r"the (forearm|upper arm) would be"):
        PlanarPush(links=True).set_factors(factors)


def test_what_is_not_given_is_drawn_around_what_is() -> None:
    env = PlanarPush()
    for seed in range(50):
        _, info = env.reset(seed=seed, options={"factors": {"disc_x": 0.1, "disc_y": 0.2}})
        assert info["factors"][2:4].tolist() == [0.1, 0.2]
        assert depth(env) <= planar.TOUCH


def test_the_goal_shows_around_a_disc_that_covers_it_and_differs_from_all_else() -> None:
    q, disc = np.array([0.45, 0.0]), np.array([-0.2, 0.2])  # the arm is far to the right
    domain, rng = planar_domain("ood2"), np.random.default_rng(0)
    for appearance in (SOURCE, *(domain.sample(rng) for _ in range(20))):
        colours = {name: np.array(colour) for name, colour in appearance.colours.items()}
        ring = (colours["target"] + colours["background"]) // 2
        frame = draw(q, disc, appearance, goal=disc).astype(int)
        assert (np.abs(frame - ring).max(-1) < 4).sum() > 40
        assert (np.abs(frame - colours["target"]).max(-1) < 4).sum() > 40
        assert np.linalg.norm(ring - colours["target"]) > MIN_CONTRAST / 2 - 2
        assert np.linalg.norm(ring - colours["background"]) > MIN_CONTRAST / 2 - 2
        assert np.linalg.norm(ring - colours["arm"]) > MIN_CONTRAST / 2
