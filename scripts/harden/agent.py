"""``bvae-rl harden --agent``: the hardened encoder under a policy, scored before and after.

Nothing is trained (``bvae_rl.agents.mend``). What is done is kept: an agent that is mended already,
and the scores in each domain.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bvae_rl.agents.config import StepLimit
from bvae_rl.agents.eval_plan import unending
from bvae_rl.agents.evaluate import AGENT_FILE, LoadedAgent, agent_digest
from bvae_rl.agents.mend import before_and_after, is_zip, mendable, mended
from bvae_rl.agents.own_zip import load_zip
from bvae_rl.agents.study import Evaluation
from bvae_rl.data.environments import EnvConfig
from bvae_rl.models.digest import encoder_digest
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import RESULTS, Run
from bvae_rl.sb3.check_codes import check_codes
from bvae_rl.scripts.common import EnvArgs, aligned, can_make, command_line, say, wrote
from bvae_rl.scripts.film.beside import require_switch
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.worlds import changed, named_by, seen_by, world_of

DOMAINS = ("source", "ood1", "ood2")  # where the environment knows them
VARIED = "bvae_rl:VariedEnv"  # the wrapper where it does not
DIGITS = {"return": 2, "success": 2}
MENDED = "mended"  # the step of a zip; a folder has a record of its own
SECONDS = 0.5  # of an episode, a guess until the first ones were played


@dataclass(frozen=True)
class Plan:
    """An agent that can be mended, where it is scored, and in which domains (None: as it is).

    ``found`` is the agent before that, ``trained_in`` its environment, or the one that is named.
    """

    agent: Path
    found: LoadedAgent
    trained_in: EnvConfig
    env: EnvConfig
    domains: tuple[str | None, ...]
    n_eval_episodes: int
    any_teacher: bool

    @property
    def limit(self) -> StepLimit | None:
        """Where nobody knows how long an episode can be."""
        return unending(self.env, self.n_eval_episodes)


def plan(
    agent: Path,
    vae: str,
    teacher: BetaVAE,
    world: EnvArgs,
    domains: Sequence[str],
    n_eval_episodes: int,
    *,
    against: Sequence[str],
    any_teacher: bool = False,
    wider: bool = False,
) -> Plan:
    """Look at everything that could be wrong before minutes of training.

    A folder knows its environment, which ``world`` replaces if it names one; a zip is scored in
    ``world``, by default that of the VAE's frames. Without ``domains``: ``DOMAINS`` and the agent's
    own, if the environment knows them, else as it is and under each change of ``against``.

    Raises ValueError for no agent, one that sees no VAE's codes or those of another VAE than
    ``teacher`` (unless ``any_teacher``), a policy of pictures where the student is ``wider``, and
    an environment or a domain that cannot be made or shows something else than the agent sees.
    """
    if wider and is_zip(agent):
        raise ValueError(
            f"{agent} is a policy of pictures, whose encoder keeps its widths (channels "
            f"{teacher.config.channels}, hidden {teacher.config.hidden}); leave --channels and "
            "--hidden out. An agent over LatentVecEnv takes a wider one"
        )
    if n_eval_episodes < 1:
        raise ValueError(f"n_eval_episodes must be at least 1, got {n_eval_episodes}")
    found = mendable(agent, None if any_teacher else teacher)
    if is_zip(agent) or world.env is not None:
        env = seen_by(world_of(vae, world).config(), vae)
        found = load_zip(agent, env) if is_zip(agent) else found
    else:
        env = changed(found.env, world)
    _refuse_misfit(agent, found, env)
    scored, shown = (env, tuple(domains)) if domains else _scored_in(env, against)
    for domain in shown:
        scored.with_domain(domain).make().close()
    return Plan(agent, found, env, scored, shown, n_eval_episodes, any_teacher)


def mend(plan: Plan, student: BetaVAE, out: Path) -> list[Row]:
    """The mended agent as ``out``/agent (or agent.zip), and rows of both as ``out``/results.json.

    Returns the rows of the plan's domains, in each the agent's before those of the mended one.
    """
    run = Run(out)
    there = run.path(AGENT_FILE if is_zip(plan.agent) else "agent")
    made_of = {"agent": agent_digest(plan.agent), "encoder": encoder_digest(student)}
    if is_zip(plan.agent):
        if run.done(MENDED) and not run.done(MENDED, config=made_of):
            raise ValueError(
                f"{there} was made of another agent or encoder; give another --out, or delete it "
                f"and {run.path('done.json')}"
            )
        if not (run.done(MENDED) and there.exists()):
            mended(plan.agent, student, there, any_teacher=plan.any_teacher)
            run.mark_done(MENDED, config=made_of)
    else:
        mended(plan.agent, student, there, any_teacher=plan.any_teacher, command=command_line())
    progress = Progress(
        {_name(domain): 2 * SECONDS * plan.n_eval_episodes for domain in plan.domains}
    )
    rows: list[Row] = []
    for domain in plan.domains:
        name = _name(domain)
        scored = {
            **made_of, "env": plan.env.with_domain(domain).identity(), "n": plan.n_eval_episodes,
            "seed": Evaluation.seed,
        }  # fmt: skip
        step = f"scores of the agent in {name}"
        if not run.done(step, config=scored):
            new = before_and_after(
                plan.agent, there, plan.env, [domain], n_eval_episodes=plan.n_eval_episodes,
                limit=plan.limit, progress=partial(progress.update, name),
            )  # fmt: skip
            kept = [row for row in run.rows() if not _of(row, plan.env, domain)]
            run.write_rows((*kept, *new))
            run.mark_done(step, config=scored)
        progress.update(name, 1.0)
        rows += [row for row in run.rows() if _of(row, plan.env, domain)]
    progress.close()
    say(table(rows))
    wrote(there)
    wrote(run.path(RESULTS), _film(plan, there))
    return rows


def table(rows: Sequence[Row]) -> str:
    """A line a domain, each metric before -> after."""
    metrics = [name for name in DIGITS if any(row.metric == name for row in rows)]
    lines = [["domain", "episodes", *(f"{name}, before -> after" for name in metrics)]]
    for domain in dict.fromkeys(row.domain for row in rows):
        here = [row for row in rows if row.domain == domain]
        pairs = [[row.value for row in here if row.metric == name] for name in metrics]
        cells = [
            " -> ".join(f"{value:.{DIGITS[name]}f}" for value in pair) or "-"
            for name, pair in zip(metrics, pairs, strict=True)
        ]
        lines.append([_name(domain), "/".join(dict.fromkeys(str(row.n) for row in here)), *cells])
    return aligned(lines)


def _refuse_misfit(agent: Path, found: LoadedAgent, env: EnvConfig) -> None:
    """ValueError where the agent cannot act in ``env``."""
    venv = env.vec(1, seed=0)
    space, takes = venv.observation_space.shape, found.model.observation_space.shape
    try:
        shown = found.observe(venv)
        check_codes(found.model, shown)
        if found.model.action_space != venv.action_space:
            raise ValueError(f"it does {found.model.action_space}, not {venv.action_space}")
        first = shown.reset()
        assert not isinstance(first, dict | tuple)
        found.act(first)
    except ValueError as error:
        raise ValueError(
            f"the agent in {agent} sees {takes} and cannot act in {env.id}, which shows {space}: "
            f"{' '.join(str(error).split())}; say where it was trained with --env, --frame-stack, "
            "--size and the like"
        ) from error
    finally:
        venv.close()


def _scored_in(env: EnvConfig, against: Sequence[str]) -> tuple[EnvConfig, tuple[str | None, ...]]:
    """Where to score an agent of ``env`` that is hardened ``against`` some variations.

    In its own domain, then the others of ``DOMAINS`` if the environment has all, and does not take
    any name for one; else, where it has none of its own, as it is and with its pictures under each
    variation that it can show.
    """
    has_all = all(can_make(env.with_domain(name)) for name in DOMAINS)
    if has_all and not can_make(env.with_domain("no such domain")):
        return env, tuple(dict.fromkeys((env.domain or DOMAINS[0], *DOMAINS)))
    varied = env
    if VARIED not in env.wrappers:
        if env.domain is not None or env.backend != "gymnasium":
            return env, (env.domain,)
        varied = replace(env, wrappers=(*env.wrappers, VARIED))
    changes = dict.fromkeys(against)
    shown = [name for name in changes if can_make(varied.with_domain(name))]
    if left := [name for name in changes if name not in shown]:
        say(f"not scored under {', '.join(left)}: {VARIED} cannot show that here")
    if not shown:
        return env, (env.domain,)
    return varied, tuple(dict.fromkeys((env.domain or DOMAINS[0], *shown)))


def _film(plan: Plan, there: Path) -> str | None:
    """The command that films both agents, where it can."""
    shown = [name for name in plan.domains if name is not None]
    if is_zip(plan.agent) or not ({*DOMAINS} <= {*shown} or VARIED in plan.env.wrappers):
        return None
    try:  # film leaves EnvPool aside, too
        require_switch(replace(plan.env, backend="gymnasium"), shown)
    except (ValueError, TypeError):
        return None
    line = shlex.join(["bvae-rl", "film", "--agent", str(there), "--beside", str(plan.agent)])
    if VARIED not in plan.env.wrappers:
        return line
    return f"{line} {named_by(plan.env).flags} {shlex.join(['--domains', *shown])}"


def _of(row: Row, env: EnvConfig, domain: str | None) -> bool:
    return row.env == env.id and row.domain == domain


def _name(domain: str | None) -> str:
    return domain or "its own"
