"""Make a VAE ignore colour, light, the camera: what the state does not depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tyro

from bvae_rl.agents.study import Evaluation
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.joined import joined, refuse_unlike
from bvae_rl.data.sources import shown
from bvae_rl.models.hub import find_vae, load_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import AUTO
from bvae_rl.runtime.devices import set_threads
from bvae_rl.scripts.common import EnvArgs, command_for, command_line, wrote
from bvae_rl.scripts.harden import agent as harden_agent
from bvae_rl.scripts.harden.own import OWN, frames_wanted, own_frames
from bvae_rl.scripts.progress import Progress
from bvae_rl.scripts.worlds import shown_by
from bvae_rl.training.augment.colour import FREQUENCY, PART
from bvae_rl.training.hardening.checks import refuse_misfit, refuse_own_folder, refuse_start
from bvae_rl.training.hardening.harden import harden
from bvae_rl.training.hardening.settings import CLEAN, STEPS, Hardening, train_of_phase
from bvae_rl.training.loop import check_run
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.watch import Callback

IMAGES_PER_SECOND = 2000  # a guess, until the first ones were measured


@dataclass(frozen=True)
class Args:
    """Which VAE, on which frames, against what."""

    vae: tyro.conf.Positional[str]
    """the teacher: folder of a VAE, or a shipped name"""
    store: tyro.conf.Positional[tuple[Path, ...]] = ()
    """folders of frame stores (bvae-rl collect), as the VAE was trained on; one appearance is
    enough. Several are joined in OUT/frames; none: frames of --agent"""
    out: Path = Path("runs/hardened")
    """folder of the hardened VAE; a killed training goes on there"""
    against: tuple[str, ...] = ("colour",)
    """what the state does not depend on, some of: colour, light, texture, noise, camera,
    distractors, background"""
    latents: str = AUTO
    """which latents: a group or all; auto: the content where there is such a group"""
    clean: int = CLEAN
    """frames a batch that are learned as they are, too"""
    strength: float = 1.0
    """of the variations: 1 as they were tuned, 0 none, 2 the most"""
    frequency: float = FREQUENCY
    """of the colour maps in rad: low ones bend colours gently, high ones tear near ones apart"""
    part: float = PART
    """share of the colour maps that leaves some colours as they are, from 0 to 1"""
    steps: int = STEPS
    """batches"""
    seed: int = 0
    """batches and variations depend on it"""
    start: str | None = None
    """a VAE whose weights the student begins with, such as one that was hardened before; by default
    the teacher's"""
    channels: tuple[int, int, int] | None = None
    """widths of the student's convolutions, none below the teacher's, which is the default; for
    agents over LatentVecEnv, since a policy of pictures takes no wider encoder"""
    hidden: int | None = None
    """width of the student's linear layers, likewise"""
    threads: int | None = None
    """CPU threads; by default torch's choice"""
    allow_state: bool = False
    """go on where a state factor is named after a variation"""
    agent: Path | None = None
    """an agent that was trained on VAE: its folder, or a zip of a model of pictures. It is written
    to OUT once more, with the hardened encoder under its policy, and both are scored"""
    own_frames: int | None = None
    """frames of the agent to collect where it was trained (in OUT/own), beside those of STORE; by
    default 120,000 without a STORE and none with one"""
    domains: tuple[str, ...] = ()
    """visual domains to score the agent in; by default source, ood1 and ood2 where its environment
    knows them, else as it is and with its pictures under each change of --against"""
    n_eval_episodes: int = Evaluation.n_eval_episodes
    """episodes to score the agent on, the same ones before and after"""
    any_teacher: bool = False
    """mend an agent that was trained on another VAE, too"""
    world: EnvArgs = EnvArgs()
    train: TrainConfig = train_of_phase(None)


def main(args: Args, *, on_progress: Callable[[float], None] | None = None) -> BetaVAE:
    """Harden; what was kept and what was lost is said by ``harden``. Then mend the agent."""
    set_threads(args.threads)
    check_run(args.steps, args.seed)
    own = frames_wanted(args.own_frames, stores=bool(args.store), agent=args.agent is not None)
    chosen = Hardening(  # before frames are copied
        args.against, latents=args.latents, clean=args.clean, strength=args.strength,
        frequency=args.frequency, part=args.part, channels=args.channels, hidden=args.hidden,
    )  # fmt: skip
    stores = [FrameStore.existing(folder) for folder in args.store]
    if len(stores) > 1:
        refuse_unlike(stores)
    teacher = load_vae(args.vae)
    refuse_own_folder(teacher, args.out)
    config = chosen.student(teacher.config)
    refuse_start(None if args.start is None else load_vae(args.start), config)
    plan = None
    if args.agent is not None:
        plan = harden_agent.plan(
            args.agent, args.vae, teacher, args.world, args.domains,
            args.n_eval_episodes, against=args.against, any_teacher=args.any_teacher,
            wider=config != teacher.config,
        )  # fmt: skip
    kinds = [(one.shape, one.factor_specs) for one in stores]
    if plan and own:
        kinds.append(shown(plan.trained_in))
    for shape, specs in kinds:
        refuse_misfit(chosen, teacher, shape, specs, allow_state=args.allow_state)
    if plan and own:
        stores.append(own_frames(plan, own, args.out / OWN, seed=args.seed))
    store = joined(stores, args.out / "frames")
    progress = Progress({"hardening": args.steps * args.train.batch_size / IMAGES_PER_SECOND})
    vae = harden(
        find_vae(args.vae), store, out=args.out, against=args.against, latents=args.latents,
        clean=args.clean, strength=args.strength, frequency=args.frequency, part=args.part,
        steps=args.steps, seed=args.seed, train=args.train, start=args.start,
        channels=args.channels, hidden=args.hidden,
        command=command_line(), callbacks=[shows(args.steps, on_progress or progress)], verbose=0,
        allow_state=args.allow_state,
    )  # fmt: skip
    progress.close()
    if plan is not None:
        wrote(args.out)
        harden_agent.mend(plan, vae, args.out)
    elif on_progress is None:
        wrote(args.out, next_of(args.out, store))
    return vae


def task(args: Args, *, progress: Callable[[float], None]) -> None:
    """``main`` for a worker process: the VAE stays in its folder."""
    main(args, on_progress=progress)


def next_of(out: Path, store: FrameStore) -> str:
    """What to do with the hardened VAE."""
    if "env" not in store.meta:
        return command_for("visualize", str(out), store=store.folder)
    return command_for(
        "visualize", str(out), world=shown_by(store), domain=store.meta.get("domain")
    )


def shows(steps: int, bar: Progress | Callable[[float], None]) -> Callback:
    """The bar, with the distance to the teacher's codes; or the fraction done, to a longer bar.

    One function for both: a folder knows by its name that it is the same training.
    """

    def show(step: int, vae: BetaVAE, metrics: dict[str, float]) -> None:
        note = f"distance {metrics['vae/distance']:.3f} of each latent's spread"
        if isinstance(bar, Progress):
            bar.update("hardening", step / steps, note=note)
        else:
            bar(step / steps)

    return show
