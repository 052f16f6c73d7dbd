"""``bvae-rl visualize --store``: what latents hold, shown on the frames of a store."""

from __future__ import annotations

from bvae_rl.data.factors import READ_ON_POLICY
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.common import command_for, say, wrote
from bvae_rl.scripts.stored_frames import follows, longest_episode, open_shown, stored_frames
from bvae_rl.scripts.visualize.args import Args
from bvae_rl.scripts.visualize.beside import compared
from bvae_rl.scripts.visualize.episode import draw_episode, recording
from bvae_rl.scripts.visualize.figures import Shown, figures
from bvae_rl.scripts.visualize.results import Result, write


def visualize_store(args: Args, vae: BetaVAE, run: Run) -> Result:
    """Reconstructions, traversals, KL; heatmap and time lines where factors and episodes are."""
    assert args.store is not None
    store = open_shown(args.store, [vae], args)
    held, _, text = stored_frames(store, [vae], most=args.samples)
    say(f"drawn from {text}")
    specs = held.specs if held.labelled else ()
    shown = Shown.of(vae, held.frames, specs, note=READ_ON_POLICY if follows(store) else "")
    if shown.note:
        say(shown.note)
    drawn = figures(shown, width=args.inches, seed=args.seed, styles=held.frames.frames)
    if not shown.specs:
        say("no heatmap: the store holds no factors (bvae-rl import SOURCE --factors factors.csv)")
    drawn |= compared(args.vae, vae, args.beside, held.frames.frames, width=args.inches)
    episode = longest_episode(store)
    if episode is None:
        say("no time lines: nothing says that frames of the store follow each other")
        if args.rrd:
            say("no recording, for the same reason")
    else:
        title = f"An episode of {store.folder.name}"
        drawn["timelines"] = draw_episode(vae, episode, specs, title=title, width=args.inches)
    pictures = write(args, run, drawn, shown)
    if args.rrd and episode is not None:
        pictures.append(run.write_file("episode.rrd", recording(vae, episode, specs)))
    for path in pictures:
        wrote(path)
    say(f"next: {command_for('evaluate', args.vae, store=args.store)}")
    return Result(pictures)
