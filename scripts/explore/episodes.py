"""Episodes for the explorer: an agent, or a random policy, in each visual domain from one start.

Beside each stands a copy of the environment in the first domain that is given the same actions, so
that the codes of the same states in two appearances can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bvae_rl.agents.evaluate import LoadedAgent, load_agent
from bvae_rl.agents.value import expected_return
from bvae_rl.data.collecting.rollout import Tap, random_policy
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.factors import FactorSpec, known_specs
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.info_factors import info_factors
from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.models.vae import BetaVAE
from bvae_rl.report.explorer.episodes import Episode, episodes_entry
from bvae_rl.sb3.check_codes import check_codes
from bvae_rl.scripts.acting import actor_name, acts_in, unlike
from bvae_rl.scripts.common import can_make
from bvae_rl.scripts.stored_frames import longest_episode

DEFAULT_DOMAINS = ("source", "ood1", "ood2")  # where an environment knows them
LONGEST = 300  # steps: more would make the page too large


@dataclass(frozen=True)
class Plan:
    """Where, who and how long."""

    env: EnvConfig
    domains: tuple[str | None, ...]
    agent: LoadedAgent | None
    steps: int
    seed: int
    differs: str = ""  # how the agent's own settings are others


def planned(
    env: EnvConfig,
    vae: BetaVAE,
    *,
    domains: Sequence[str],
    domain: str | None,
    agent: Path | None,
    steps: int,
    seed: int,
    own_env: bool,
) -> Plan:
    """What is to be played. ``own_env``: the user named no environment, so the agent's holds.

    ValueError for an agent of another environment, for an unknown domain, and for too few or too
    many steps.
    """
    check_steps(steps)
    differs = ""
    actor = None if agent is None else load_agent(agent)
    if actor is not None:
        env, differs = acts_in(actor, env, vae, folder=agent, own_env=own_env)
    env = env.with_domain(None)
    if domains:
        for name in dict.fromkeys(domains):  # an unknown one is the environment's to refuse
            env.with_domain(name).make().close()
        return Plan(env, tuple(dict.fromkeys(domains)), actor, steps, seed, differs)
    known = tuple(name for name in DEFAULT_DOMAINS if can_make(env.with_domain(name)))
    if known and domain not in (None, *known):
        known = (str(domain), *known)
    return Plan(env, known or (domain,), actor, steps, seed, differs)


def check_steps(steps: int) -> None:
    """ValueError for too few or too many."""
    if not 2 <= steps <= LONGEST:
        raise ValueError(f"an episode of the page has 2 to {LONGEST} steps, got --steps {steps}")


def played(plan: Plan, vaes: Mapping[str, BetaVAE]) -> dict[str, Any]:
    """``payload["episodes"]``: an episode in each domain of ``plan``, seen by all ``vaes``."""
    told = {domain: _specs(plan.env.with_domain(domain)) for domain in plan.domains}
    everywhere = set.intersection(*({spec.name for spec in specs} for specs in told.values()))
    specs = [spec for spec in told[plan.domains[0]] if spec.name in everywhere]
    episodes = [_play(plan, domain, vaes, specs, told) for domain in plan.domains]
    return episodes_entry(episodes, who=_who(plan, vaes), specs=specs)


def _specs(env: EnvConfig) -> tuple[FactorSpec, ...]:
    world = env.make()
    specs = known_specs(world)
    world.close()
    return specs


def _who(plan: Plan, vaes: Mapping[str, BetaVAE]) -> str:
    """Who acts, and what of it is not as a reader would think."""
    named = actor_name(plan.agent)
    if plan.agent is None:
        return named
    trained = f"trained with {plan.differs}" if plan.differs else ""
    said = "; ".join(filter(None, (trained, unlike(plan.agent, vaes.values()))))
    return f"{named} ({said})" if said else named


def recorded(
    store: FrameStore, vaes: Mapping[str, BetaVAE], specs: Sequence[FactorSpec], *, steps: int
) -> dict[str, Any] | None:
    """The same of a store's longest episode; None where nothing says that its frames follow."""
    found = longest_episode(store, most=steps)
    if found is None:
        return None
    known = found.factors if specs and found.factors is not None else None
    actions = None if found.actions is None else np.asarray(found.actions)
    episode = Episode(
        "recorded", found.frames, [vae.encode_frames(found.frames) for vae in vaes.values()],
        factors=known, actions=actions,
    )  # fmt: skip
    return episodes_entry([episode], who=f"the store {store.folder.name}", specs=specs)


def _play(
    plan: Plan,
    domain: str | None,
    vaes: Mapping[str, BetaVAE],
    specs: Sequence[FactorSpec],
    told: Mapping[str | None, Sequence[FactorSpec]],
) -> Episode:
    """One episode in ``domain``, without its last frame, after which all is reset.

    Its factors are those of ``specs``, which each domain has among those ``told`` there.
    """

    def read(info: Mapping[str, Any], where: str | None) -> np.ndarray | None:
        return _factors(info, specs, told[where])

    first = plan.domains[0]
    shown = plan.env.with_domain(domain).vec(1, seed=plan.seed)
    same = domain != first
    beside = plan.env.with_domain(first).vec(1, seed=plan.seed) if same else None
    tap, layout = Tap(shown), FrameLayout.of(shown.observation_space)
    seen: Any = tap
    act = random_policy(shown.action_space, np.random.default_rng(plan.seed), 1)
    if plan.agent is not None:
        seen, act = plan.agent.observe(tap), plan.agent.act
        check_codes(plan.agent.model, seen)
        _check_seen(plan.agent, seen.observation_space)
    for venv in filter(None, (seen, beside)):
        venv.seed(plan.seed)
    observations = seen.reset()
    others = None if beside is None else np.asarray(beside.reset())
    factors = [read(shown.reset_infos[0], domain)]
    if beside is not None:
        same &= _same_state(factors[0], read(beside.reset_infos[0], first), specs)
    frames, of_first, actions, rewards, values = [], [], [], [], []
    over, success = False, None
    for _ in range(plan.steps):
        frames.append(layout.frames(tap.raw)[0].copy())
        if others is not None:
            of_first.append(layout.frames(others)[0].copy())
        action = act(observations)
        if plan.agent is not None:
            values.append(expected_return(plan.agent.model, observations, action))
        observations, reward, dones, infos = seen.step(action)
        actions.append(np.asarray(action[0], float).ravel())
        rewards.append(float(reward[0]))
        if beside is not None:
            now, other, ended, others_told = beside.step(action)
            others = np.asarray(now)
            same &= bool(np.isclose(other[0], reward[0])) and bool(ended[0] == dones[0])
            same &= _same_state(read(infos[0], domain), read(others_told[0], first), specs)
        if dones[0]:
            over, success = True, infos[0].get("is_success")
            break
        factors.append(read(infos[0], domain))
    for venv in filter(None, (seen, beside)):
        venv.close()
    known = [row for row in factors[: len(frames)] if row is not None]
    valued = [value for value in values if value is not None]
    pictures = np.stack(frames)
    return Episode(
        domain or "as it is", pictures,
        [vae.encode_frames(pictures) for vae in vaes.values()],
        in_first=[vae.encode_frames(np.stack(of_first)) for vae in vaes.values()] if same else None,
        factors=np.stack(known) if len(known) == len(frames) else None,
        actions=np.stack(actions), rewards=np.array(rewards),
        values=np.concatenate(valued) if valued else None,
        over=over, success=None if success is None else bool(success),
    )  # fmt: skip


def _factors(
    info: Mapping[str, Any], specs: Sequence[FactorSpec], told: Sequence[FactorSpec]
) -> np.ndarray | None:
    """Those of ``specs`` (K,) among the factors ``told`` in ``info``; None where it tells none."""
    values, names = info_factors(info), [spec.name for spec in told]
    if values is None or not specs or len(values) != len(names):
        return None
    return np.asarray(values)[[names.index(spec.name) for spec in specs]]


def _same_state(
    one: np.ndarray | None, other: np.ndarray | None, specs: Sequence[FactorSpec]
) -> bool:
    """Whether two worlds' factors (K,) tell of the same state, as far as they tell."""
    if one is None or other is None or not len(one) == len(other) == len(specs):
        return True
    state = [k for k, spec in enumerate(specs) if spec.role == "state"]
    return bool(np.allclose(one[state], other[state], equal_nan=True))


def _check_seen(agent: LoadedAgent, space: Any) -> None:
    wanted = agent.model.observation_space
    if getattr(space, "shape", None) != getattr(wanted, "shape", None):
        raise ValueError(
            f"the agent {agent.record['key']} sees observations of {wanted.shape}, and this "
            f"environment shows it {space.shape}; explore the VAE in the agent's own environment, "
            "without --env"
        )
