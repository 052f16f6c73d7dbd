"""An agent's folder once more, with a hardened encoder under the policy that it has.

    out = mended("runs/agent", "runs/hardened", "runs/mended")
    rows = before_and_after("runs/agent", out, env, ["source", "ood2"])

Nothing is trained: the policy, and the statistics by which it standardises codes, stay
(``bvae_rl.sb3.swap``). The new folder is an agent's like any other, whose rows are called
``METHOD-hardened`` and whose budget says by what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm

from bvae_rl.agents.config import StepLimit
from bvae_rl.agents.evaluate import (
    AGENT_FILE,
    ENCODER,
    RECORD,
    LoadedAgent,
    evaluate_agent,
    load_agent,
    part_of,
)
from bvae_rl.agents.methods import SupervisionBudget
from bvae_rl.agents.models import zipped
from bvae_rl.agents.own_zip import load_zip
from bvae_rl.agents.study import Evaluation
from bvae_rl.agents.train import ROWS
from bvae_rl.agents.trained_by import hardened_by
from bvae_rl.data.environments import EnvConfig
from bvae_rl.models.digest import encoder_digest
from bvae_rl.models.hub import VAE
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.identity import refuse_changes
from bvae_rl.runtime.owner import owned
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run, require_own
from bvae_rl.runtime.versions import environment
from bvae_rl.sb3.copies import same_weights
from bvae_rl.sb3.encoder_life import copies_of
from bvae_rl.sb3.latent_env import LatentVecEnv
from bvae_rl.sb3.swap import names_in_policy, names_of, swap_encoder
from bvae_rl.sb3.taken import find_vae_encoder

SUFFIX = "-hardened"


def mended(
    agent: str | Path,
    vae: VAE,
    out: str | Path,
    *,
    any_teacher: bool = False,
    command: str = "",
) -> Path:
    """Write ``agent`` to ``out``, its encoder swapped for ``vae``.

    ``agent``: the folder that ``bvae-rl train`` or a study left, and ``out`` is one; or the zip of
    a model of pictures, and ``out`` is a zip. It stays as it is.
    ``vae``: hardened from the agent's own; ``any_teacher`` insists on another one.

    Raises ValueError for an agent whose encoder is no VAE's, for what ``swap_encoder`` refuses, and
    where ``out`` holds something else; the same mended agent there is kept.
    """
    student = find_vae_encoder(vae)
    if is_zip(agent):
        return _mended_zip(Path(agent), student, Path(out), any_teacher)
    found, run = mendable(agent), Run(out)
    record = _record(found, student, command)
    shown = found.observe(found.env.vec(1, seed=0))
    assert isinstance(shown, LatentVecEnv)
    try:
        encoder = swap_encoder(found.model, student, latent_env=shown, any_teacher=any_teacher)
        with owned(run.folder):
            require_own(run.folder, RECORD)
            if run.path(RECORD).exists():
                parts = ("method", "env", "config", "inputs")
                there, here = (
                    {k: r.get(k) for k in parts} for r in (run.read_json(RECORD), record)
                )
                refuse_changes(run.folder, "an agent", there, here)
                if run.done("train"):
                    return run.folder
            run.write_json(RECORD, record)  # first: by it a killed run knows its own folder
            encoder.save(run.path(ENCODER))
            shown.rename(found.model.observation_space)  # its line names that folder now
            run.write_file(AGENT_FILE, zipped(found.model))
            run.write_rows([], name=ROWS)  # the learning curve was another agent's
            run.mark_done("train")
    finally:
        shown.close()
    return run.folder


def mendable(agent: str | Path, teacher: BetaVAE | None = None) -> LoadedAgent:
    """The agent in ``agent``, a folder or the zip of a model of pictures, loaded.

    Raises ValueError where there is none, for one whose encoder is no VAE's, and, if ``teacher`` is
    given, for one that a student of it could not mend.
    """
    found = load_zip(agent) if is_zip(agent) else load_agent(agent)
    if is_zip(agent):
        names = names_in_policy(next(iter(copies_of(found.model, None).values())))
    elif isinstance(found.encoder, BetaVAE) and found.method.needs == "vae":
        names = names_of(found.encoder)
    else:
        raise ValueError(
            f"the agent in {agent} sees {found.method.text}, and only one that sees a VAE's "
            "latents can be mended"
        )
    if teacher is not None and not names & names_of(teacher):
        raise ValueError(
            f"the agent in {agent} was trained on another VAE than {teacher.folder or 'this one'}, "
            "and can read the codes of its own alone; harden its own, or insist with "
            "any_teacher=True (--any-teacher)"
        )
    return found


def before_and_after(
    agent: str | Path,
    mended: str | Path,
    env: EnvConfig,
    domains: Sequence[str | None],
    *,
    n_eval_episodes: int = Evaluation.n_eval_episodes,
    seed: int = Evaluation.seed,
    limit: StepLimit | None = None,
    progress: Callable[[float], None] = lambda fraction: None,
) -> list[Row]:
    """Rows of both agents on the same episodes in each domain (``evaluate_agent``), before first.

    Where both have one name, as an agent that was mended once more, the second gets ``SUFFIX``.

    ``agent``, ``mended``: folders, or zips of models of pictures. Defaults are those of a study.
    """
    rows: list[Row] = []
    for done, (path, suffix) in enumerate(((agent, ""), (mended, SUFFIX))):
        key = f"{Path(agent).stem}{suffix}"
        found = evaluate_agent(
            load_zip(path, env, key=key) if is_zip(path) else path,
            env, domains, n_eval_episodes=n_eval_episodes, seed=seed, limit=limit,
            progress=part_of(progress, done, 2),
        )  # fmt: skip
        taken = {row.method for row in rows}
        rows += [
            replace(row, method=f"{row.method}{SUFFIX}") if row.method in taken else row
            for row in found
        ]
    return rows


def is_zip(path: str | Path) -> bool:
    """Whether an agent is a zip of Stable-Baselines3, and no folder of ours."""
    return Path(path).suffix == ".zip"


def _mended_zip(agent: Path, student: BetaVAE, out: Path, any_teacher: bool) -> Path:
    if not is_zip(out):
        raise ValueError(f"{agent} is a zip, and so is what is made of it: give out {out}.zip")
    if out.resolve() == agent.resolve():
        raise ValueError(f"{out} is the agent itself, which stays as it is; give another name")
    model = load_zip(agent).model
    swap_encoder(model, student, any_teacher=any_teacher)
    if out.exists() and not _same(load_zip(out).model, model):
        raise ValueError(f"{out} holds another agent, which stays as it is; give another name")
    return Run(out.parent).write_file(out.name, zipped(model))


def _same(a: BaseAlgorithm, b: BaseAlgorithm) -> bool:
    """Whether they are of one class and act in the same way."""
    return type(a) is type(b) and same_weights(a.policy.state_dict(), b.policy.state_dict())


def _record(agent: LoadedAgent, student: BetaVAE, command: str) -> dict[str, Any]:
    """``agent.json`` of the mended agent: no training goes on from it."""
    old = agent.record
    assert isinstance(agent.encoder, BetaVAE)
    return {
        **old,
        "key": f"{old['key'].removesuffix(SUFFIX)}{SUFFIX}",
        "inputs": {**old["inputs"], "mended": encoder_digest(student)},
        "budget": _budget(agent.budget, agent.encoder.meta, student.meta).to_dict(),
        "command": command or old["command"],
        "versions": environment(),
    }


def _budget(
    old: SupervisionBudget, teacher: Mapping[str, Any], student: Mapping[str, Any]
) -> SupervisionBudget:
    """That of the agent, and what the student saw beside it."""
    taught, learned = (meta.get("training") or {} for meta in (teacher, student))
    stores = [part.get("store") or {} for part in (taught, learned)]
    frames = int(learned.get("frames", 0))
    # the same frames once more, or a student that counts its teacher's among its own
    counted = stores[0] == stores[1] or learned.get("continued_from") == taught
    encoder, semicolon, rest = old.domain.partition(";")
    shown = stores[1].get("domain")
    then = f", then {shown}" if shown and shown != stores[0].get("domain") else ""
    return replace(
        old,
        pretrain_frames=max(old.pretrain_frames, frames)
        if counted
        else old.pretrain_frames + frames,
        domain=f"{encoder}{then}{semicolon}{rest}",
        encoder=f"{old.encoder}, {hardened_by(learned) or 'swapped for another'}",
    )
