"""``bvae-rl visualize --store``: what latents hold, shown on the frames of a store."""

from __future__ import annotations

import numpy as np

from bvae_rl.data.factors import READ_ON_POLICY
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import png, timelines
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts import visualize as whole
from bvae_rl.scripts.common import command_for, say, wrote
from bvae_rl.scripts.stored_frames import follows, longest_episode, open_shown, stored_frames
from bvae_rl.training.pictures import latent_names, write_vae_pictures


def visualize_store(args: whole.Args, vae: BetaVAE, run: Run) -> whole.Result:
    """Reconstructions, traversals, KL; heatmap and time lines where factors and episodes are."""
    assert args.store is not None
    store = open_shown(args.store, [vae], args)
    held, _, text = stored_frames(store, [vae], most=args.samples)
    say(f"drawn from {text}")
    pictures = write_vae_pictures(vae, held.frames.frames, run.folder)
    if held.labelled and (np.ptp(np.asarray(held.frames.factors), axis=0) > 0).any():
        note = READ_ON_POLICY if follows(store) else ""
        if note:
            say(note)
        figure = whole.heatmap(vae, held.frames, held.specs, note=note)
        pictures.insert(0, run.write_file("heatmap.png", png(figure)))
    else:
        say("no heatmap: the store holds no factors (bvae-rl import SOURCE --factors factors.csv)")
    episode = longest_episode(store)
    if episode is None:
        say("no time lines: nothing says that frames of the store follow each other")
    else:
        figure = timelines(
            vae.encode_frames(episode.frames), episode.factors if held.labelled else None,
            latent_names(vae), [spec.name for spec in held.specs],
            title=f"An episode of {store.folder.name}",
        )  # fmt: skip
        pictures.append(run.write_file("timelines.png", png(figure)))
    for path in pictures:
        wrote(path)
    say(f"next: {command_for('evaluate', args.vae, store=args.store)}")
    return whole.Result(pictures)
