"""What the demo's report shows: its pictures, their captions, and the outcome in five lines."""

from __future__ import annotations

from bvae_rl.agents.evaluate import load_agent
from bvae_rl.environments import EnvConfig
from bvae_rl.frames import FrameStore
from bvae_rl.model import BetaVAE
from bvae_rl.pictures import write_vae_pictures
from bvae_rl.plots import arm_label, png
from bvae_rl.report import FigureEntry
from bvae_rl.runs import Row, Run
from bvae_rl.scripts.study import draw_curves, draw_transfer, finals
from bvae_rl.scripts.visualize import episode_timelines

LOOKS = ("source", "ood1", "ood2")
CAPTIONS = {
    "curves": "Deterministic evaluations on 20 fixed episodes in the source look, one seed an arm. "
    "The dashed line is a random policy.",
    "transfer": "Trained in the source look (pixels, random looks: in ood1), evaluated on fixed "
    "episodes in each set of looks. 0 is the better of the random and the blind policy, 1 the "
    "agent that sees the true state. ood1: looks that the encoder saw and the policy did not; "
    "ood2: looks that neither saw.",
    "heatmap": "Share of each factor's information that each latent holds, on frames with "
    "independent factors. A disentangled code has one dark cell a column, and no two in a row.",
    "traversals": "One latent a row moved through its range, all others held: what it does to the "
    "picture. Rows by falling KL.",
    "reconstructions": "Frames and what the decoder makes of their latents.",
    "timelines": "One episode in ood1; each panel is a factor with the latents that "
    "follow it best, r is Pearson's.",
}


def draw_agents(rows: list[Row], run: Run) -> list[FigureEntry]:
    """Learning curves and transfer bars of the rows of study "transfer"."""
    curves = draw_curves(rows, run, looks="source")
    drawn = [FigureEntry("curves", "Return while learning", CAPTIONS["curves"], curves.name)]
    transfer = draw_transfer(rows, run)
    if transfer:
        entry = FigureEntry("transfer", "Normalised score", CAPTIONS["transfer"], transfer.name)
        drawn.append(entry)
    return drawn


def draw_vae(name: str, run: Run, *, scores: str) -> list[FigureEntry]:
    """Heatmap (from the folder ``scores``), traversals and reconstructions of the VAE ``name``."""
    frames = FrameStore.existing(run.path("frames")).read(slice(0, 2000)).frames
    write_vae_pictures(BetaVAE.load(run.path(name)), frames, run.path(name))
    return [
        FigureEntry(f"{key}/{name}", arm_label(name), CAPTIONS[key], f"{folder}/{key}.png")
        for key, folder in (("heatmap", scores), ("traversals", name), ("reconstructions", name))
    ]


def draw_timelines(
    run: Run, *, agent: str | None, vae: str, env: EnvConfig, seed: int
) -> FigureEntry:
    """One episode, in the looks of ``env``, of the agent in a folder (None: at random)."""
    loaded = load_agent(run.path(agent)) if agent else None
    figure = episode_timelines(BetaVAE.load(run.path(vae)), env, loaded, seed=seed)
    who = "agent" if agent else "random"
    path = run.write_file(f"timelines_{who}.png", png(figure))
    title = "The trained agent acts" if agent else "A random policy acts"
    return FigureEntry(f"timelines/{who}", title, CAPTIONS["timelines"], path.name)


def headline(rows: list[Row]) -> list[str]:
    """The outcome in five lines; below five seeds these are points, not evidence."""
    scores = finals([row for row in rows if row.study == "transfer"], "score")
    lines = []
    for name in ("bvae_pairs", "bvae", "pixels", "pixels_randomised"):
        found = scores.get(name)
        values = "not scored (the true-state agent does not beat the blind one)"
        if found:
            values = ", ".join(f"{look} {found[look][0]:.2f}" for look in LOOKS)
        lines.append(f"{arm_label(name)}: {values}")
    coded = {
        row.metric: row.value
        for row in rows
        if row.study == "representation" and row.arm == "bvae_pairs" and row.look_set == "pretrain"
    }
    lines.append(
        f"content latents of {arm_label('bvae_pairs')}: R2 of the state {coded['content/r2']:.2f}, "
        f"leak of the look {coded['leak']:.2f}; MIG of all latents {coded['mig']:.2f}"
    )
    return [f"Normalised score (0 blind, 1 true state), one seed. {lines[0]}", *lines[1:]]
