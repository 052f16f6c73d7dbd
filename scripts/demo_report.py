"""What the demo's report shows: its pictures, their captions, and the outcome in five lines."""

from __future__ import annotations

from bvae_rl.agents.evaluate import load_agent
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import method_label, png
from bvae_rl.report import FigureEntry
from bvae_rl.runtime.runs import Row, Run
from bvae_rl.scripts.study import draw_curves, draw_transfer, finals
from bvae_rl.scripts.visualize import episode_timelines
from bvae_rl.training.pictures import write_vae_pictures

DOMAINS = ("source", "ood1", "ood2")
CAPTIONS = {
    "curves": "Deterministic evaluations on 20 fixed episodes in the source appearance, one seed a method. "
    "The dashed line is a random policy.",
    "transfer": "Trained in the source appearance (pixels, random appearances: in ood1), evaluated on fixed "
    "episodes in each visual domain. 0 is the better of the random and the blind policy, 1 the "
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
    curves = draw_curves(rows, run, domain="source")
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
        FigureEntry(f"{key}/{name}", method_label(name), CAPTIONS[key], f"{folder}/{key}.png")
        for key, folder in (("heatmap", scores), ("traversals", name), ("reconstructions", name))
    ]


def draw_timelines(
    run: Run, *, agent: str | None, vae: str, env: EnvConfig, seed: int
) -> FigureEntry:
    """One episode, in the appearances of ``env``, of the agent in a folder (None: at random)."""
    loaded = load_agent(run.path(agent)) if agent else None
    figure = episode_timelines(BetaVAE.load(run.path(vae)), env, loaded, seed=seed)
    who = "agent" if agent else "random"
    path = run.write_file(f"timelines_{who}.png", png(figure))
    title = "The trained agent acts" if agent else "A random policy acts"
    return FigureEntry(f"timelines/{who}", title, CAPTIONS["timelines"], path.name)


def headline(rows: list[Row]) -> list[str]:
    """The outcome in five lines; below five seeds these are points, not evidence."""
    scores = finals([row for row in rows if row.study == "transfer"], "score")

    def on(method: str) -> str:
        if method not in scores:
            return f"{method_label(method)} not scored"
        values = ", ".join(
            f"{round(scores[method][appearance][0], 2) + 0.0:.2f}" for appearance in DOMAINS
        )
        return f"{method_label(method)} {values}"

    lines = [
        f"Normalised score on {', '.join(DOMAINS)}; 0 is the better of the random and the blind "
        "policy, 1 the true-state agent; one seed:"
        + ("" if scores else " none, because the true-state agent does not beat the floor"),
        f"{on('bvae_pairs')} (content latents; on grids, told its own actions)",
        f"{on('bvae')} (all latents; on single frames)",
        f"{on('pixels')}; {on('pixels_randomised')} (trained in ood1)",
    ]
    coded = {
        (row.method, row.metric): row.value
        for row in rows
        if row.study == "representation" and row.domain == "pretrain"
    }
    content = "bvae_pairs/content"
    state, leak = coded[content, "r2/mean"], coded[content, "leak/largest"]
    lines.append(
        f"content latents of {method_label('bvae_pairs')}: R2 of the state {state:.2f}, largest leak "
        f"of the appearance {round(leak, 2) + 0.0:.2f}; "  # + 0.0: no negative zero
        f"MIG of all latents {coded['bvae_pairs', 'mig/mean']:.2f}"
    )
    return lines
