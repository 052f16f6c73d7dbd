"""``bvae-rl pretrain --harden``: what it trains without, then hardened in a last phase."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bvae_rl.data.coverage.of_store import doubts
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.data.sources import shown
from bvae_rl.models.hub import find_vae
from bvae_rl.models.vae import BetaVAE
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.scripts.common import command_line, say, wrote
from bvae_rl.scripts.harden.command import next_of, shows
from bvae_rl.scripts.pretrain.args import Args, as_given, best_for, hardens, named_recipe
from bvae_rl.scripts.pretrain.collected import frames_for
from bvae_rl.scripts.pretrain.once import IMAGES_PER_SECOND, verdict
from bvae_rl.scripts.pretrain.unhardened import train_unhardened
from bvae_rl.scripts.pretrain.watched import tensorboard
from bvae_rl.scripts.progress import Progress
from bvae_rl.training.hardening.distil import distil
from bvae_rl.training.hardening.settings import train_of_phase
from bvae_rl.training.recipes.last_phase import (
    NONE,
    TEACHER,
    asked_of,
    last_phase,
    refuse_unhardened,
)  # fmt: skip
from bvae_rl.training.recipes.names import RecipeName


def train_hardened(
    args: Args, *, on_progress: Callable[[float], None] | None = None, judged: bool = True
) -> BetaVAE:
    """The VAE that ``args`` ask for in OUT/teacher, hardened in OUT; or in OUT as it is.

    It is not hardened where "auto" finds that colour cannot be left out.
    """
    source = args.source
    named = named_recipe(args)
    asked = asked_of(named, args.harden)
    order = args.model.channel_order or VAEConfig.channel_order
    start = None if args.start is None else BetaVAE.load(find_vae(args.start)).config
    if start is not None:
        order = start.channel_order
    if named is not None:
        as_given(named, args).refuse_narrow_student(start)
    plain = args.but(harden=(NONE,))
    if named is not None and named.harden is not None:
        plain = plain.but(recipe=str(RecipeName.parse(args.recipe).teacher))
    if source.rounds == 1:
        store = frames_for(args)
        last = last_phase(asked, store.shape, store.factor_specs, channel_order=order)
        plain = plain.on(store.folder)
        if last is not None and named is None:
            best = best_for(store, against=last.against, say_why=on_progress is None)
            plain = plain.but(recipe=best.name)
    elif source.env is None or args.store is not None:
        last = None  # refused with its reason
    else:
        last = last_phase(asked, *shown(source.config(source.domain)), channel_order=order)
    if last is None:
        return train_unhardened(plain, on_progress=on_progress, judged=judged)
    refuse_unhardened(args.out)
    folder = args.out / TEACHER
    two_thirds = None if on_progress is None else _part(on_progress, 0.0, 2 / 3)
    teacher = train_unhardened(replace(plain, out=folder), on_progress=two_thirds, judged=False)
    store = FrameStore.existing(plain.store or folder / "frames")
    steps, train = last.batches(args.steps), train_of_phase(args.train)
    progress = Progress({"hardening": steps * train.batch_size / IMAGES_PER_SECOND})
    if on_progress is None:
        verdict(teacher, folder)
        for line in doubts(store):
            say(line)
        leave_out = "" if named is not None and named.harden else " (--harden none leaves this out)"
        say(f"now it learns to ignore {', '.join(last.against)}{leave_out}")
        callback = shows(steps, progress)
    else:
        callback = shows(steps, _part(on_progress, 2 / 3, 1.0))
    vae = distil(
        last.objective(teacher), store, args.out, last.student(teacher.config), steps=steps,
        seed=args.seed, train=train, command=command_line(),
        callbacks=[callback, *([tensorboard(args.out)] if args.tensorboard else [])],
    )  # fmt: skip
    progress.close()
    if on_progress is None and judged:
        wrote(args.out, next_of(args.out, store))
    return vae


def before_last_phase(args: Args, store: FrameStore) -> Args:
    """``args`` with the recipe that "auto" takes for ``store`` named, if hardening follows."""
    if named_recipe(args) is not None or not hardens(args):
        return args
    order = args.model.channel_order or VAEConfig.channel_order
    asked = asked_of(None, args.harden)
    last = last_phase(asked, store.shape, store.factor_specs, channel_order=order)
    if last is None:
        return args
    return args.but(recipe=best_for(store, against=last.against, say_why=False).name)


def _part(
    on_progress: Callable[[float], None], first: float, last: float
) -> Callable[[float], None]:
    return lambda done: on_progress(first + (last - first) * done)
