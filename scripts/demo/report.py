"""What the demo's report shows: its pictures, their captions, and the outcome in five lines."""

from __future__ import annotations

import csv
from typing import Any

from bvae_rl.agents.evaluate import load_agent
from bvae_rl.agents.trained_by import trained_by
from bvae_rl.data.environments import EnvConfig
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae import BetaVAE
from bvae_rl.plots import png
from bvae_rl.report import FigureEntry
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run
from bvae_rl.scripts.film import command as film
from bvae_rl.scripts.film.beside import middling_start
from bvae_rl.scripts.study import draw_curves, draw_transfer, finals, labels
from bvae_rl.scripts.visualize.episode import episode_timelines
from bvae_rl.training.hardening.report import HARDENED as KEPT
from bvae_rl.training.hardening.report import hardened_sentences
from bvae_rl.training.pictures.decoded import latent_names
from bvae_rl.training.pictures.of_vae import write_vae_pictures
from bvae_rl.training.pictures.shown_frames import frames_to_show
from bvae_rl.training.train_config import TrainConfig
from bvae_rl.training.watch import LOG

DOMAINS = ("source", "ood1", "ood2")
# the VAEs' folders, and what rows call their methods
PLAIN, CONTENT, HARDENED = "bvae", "bvae-content", "bvae-content-hardened"
FILMED = ("source", "ood1", "ood2", "ood1")  # two seconds of each: an episode has 50 steps
FILM_FPS = 6
CAPTIONS = {
    "film": "Two agents begin at the same start, and every two seconds the colours change: on the "
    "left one on the hardened encoder, on the right one on the encoder that it was hardened from. "
    "Below them their latents; in grey, those of the same states in the colours of training. Where "
    "a line leaves its grey one, the agent is told of another state than it is in. The start is "
    "that of nine at which the left one has its median return in the colours of training.",
    "curves": "Deterministic evaluations on 20 fixed episodes in the source domain, one seed a "
    "method. The dashed line is a random policy.",
    "transfer": "Trained in the source domain (randomised pixels: in ood1), evaluated on fixed "
    "episodes in each visual domain. 0 is the better of the random and the blind policy, 1 the "
    "agent that sees the true state. ood1: appearances that the encoder was trained on and the "
    "policy was not; ood2: appearances that neither was trained on.",
    "heatmap": "Fraction of each factor's information that each latent holds, on frames with "
    "independent factors. A disentangled code has one dark cell a column, and no two in a row.",
    "traversals": "One latent a row moved through its range, all others fixed: what it does to the "
    "picture. Rows by falling KL.",
    "reconstructions": "Frames at random, the worst and the most different ones, and what the "
    "decoder makes of their latents.",
    "timelines": "One episode in ood1, as the hardened encoder codes it; each panel is a factor "
    "with the latents that follow it best, r is Pearson's.",
}


def vae_label(run: Run, name: str) -> str:
    """What the VAE ``name`` was trained by."""
    meta = BetaVAE.load(run.path(name)).meta
    taught = meta.get(KEPT, {}).get("training")
    latents = "all" if name == PLAIN else "content"
    return f"Beta-VAE, {trained_by(meta['training'], latents, taught)}"


def training_note(run: Run, name: str) -> str:
    """How the VAE ``name`` was trained, in a sentence."""
    vae = BetaVAE.load(run.path(name))
    training = vae.meta["training"]
    if KEPT in vae.meta:
        said = " ".join(hardened_sentences(vae.meta[KEPT], latent_names(vae)))
        return f"{vae_label(run, name)}: {training['steps']:,} batches{_took(run, name)}. {said}"
    objective, before = training["objective"], training["continued_from"]
    after = f", after {before['steps']:,} of seed {before['seed']}" if before else ""
    tc = f", total-correlation weight {_end(objective['tc']):g}" if objective.get("tc") else ""
    return (
        f"{vae_label(run, name)}: {training['steps']:,} gradient steps{_took(run, name)}{after}; "
        f"beta {_end(objective['beta']):g}{tc}, with a {vae.config.likelihood} likelihood and "
        f"recon_weight {vae.config.recon_weight:g}; {training['frames']:,} frames of pretraining."
    )


def _took(run: Run, name: str) -> str:
    """How long the VAE ``name`` was trained, as the last line of its log knows it."""
    with run.path(f"{name}/{LOG}").open(newline="") as file:
        *_, last = csv.DictReader(file)
    trained = BetaVAE.load(run.path(name)).meta["training"]["images"]
    return f" in {trained / float(last['vae/images_per_second']) / 60:.1f} minutes"


def _end(weight: Any) -> float:
    """The value that a stored schedule rises to, or stays at."""
    if not isinstance(weight, dict):
        return float(weight)
    return _end(next(weight[key] for key in ("schedule", "end", "value") if key in weight))


def draw_agents(rows: list[Row], run: Run) -> list[FigureEntry]:
    """Learning curves and transfer bars of those ``rows`` that are of study "transfer"."""
    rows = [row for row in rows if row.study == "transfer"]
    curves = draw_curves(rows, run, domain="source")
    drawn = [FigureEntry("curves", "Return while learning", CAPTIONS["curves"], curves.name)]
    if transfer := draw_transfer(rows, run):
        entry = FigureEntry("transfer", "Normalised score", CAPTIONS["transfer"], transfer.name)
        drawn.append(entry)
    return drawn


def draw_vae(name: str, run: Run, *, scores: str) -> list[FigureEntry]:
    """Heatmap (from the folder ``scores``), traversals and reconstructions of the VAE ``name``."""
    store = FrameStore.existing(run.path("frames"))
    frames = frames_to_show(store, validation=TrainConfig().validation)
    write_vae_pictures(BetaVAE.load(run.path(name)), frames, run.path(name))
    title = vae_label(run, name)
    return [
        FigureEntry(f"{key}/{name}", title, CAPTIONS[key], f"{folder}/{key}.png")
        for key, folder in (("heatmap", scores), ("traversals", name), ("reconstructions", name))
    ]


def draw_film(run: Run, agent: str, *, beside: str, seed: int) -> FigureEntry:
    """One episode of the agent in a folder and of another one, its appearance changing.

    From the start at which the agent has the median return of several from ``seed`` on.
    """
    asked = film.Args(
        run.path(agent), run.path(beside), domains=FILMED, fps=FILM_FPS, latents="content",
        seed=middling_start(load_agent(run.path(agent)), seed=seed),
    )  # fmt: skip
    path = run.write_file("film.gif", film.filmed(asked))
    return FigureEntry("film", "Hardened or not", CAPTIONS["film"], path.name)


def draw_timelines(run: Run, agent: str | None, *, env: EnvConfig, seed: int) -> FigureEntry:
    """One episode, in the domain of ``env``, of the agent in a folder (None: at random)."""
    loaded = load_agent(run.path(agent)) if agent else None
    figure = episode_timelines(BetaVAE.load(run.path(HARDENED)), env, loaded, seed=seed)
    who = "agent" if agent else "random"
    path = run.write_file(f"timelines_{who}.png", png(figure))
    title = "The trained agent acts" if agent else "A random policy acts"
    return FigureEntry(f"timelines/{who}", title, CAPTIONS["timelines"], path.name)


def headline(rows: list[Row]) -> list[str]:
    """The outcome in a few lines; below five seeds these are points, not evidence."""
    transfer = [row for row in rows if row.study == "transfer"]
    scores, label = finals(transfer, "score"), labels(transfer)

    def number(value: float) -> str:
        return f"{round(value, 2) + 0.0:.2f}"  # + 0.0: no negative zero

    def on(method: str) -> str:
        if method not in scores:
            return f"{label[method]}: not scored"
        return f"{label[method]}: {', '.join(number(scores[method][name][0]) for name in DOMAINS)}"

    def gained() -> list[str]:
        if not {HARDENED, CONTENT} <= {*scores}:
            return []
        by = [scores[HARDENED][name][0] - scores[CONTENT][name][0] for name in DOMAINS]
        parts = [f"{change:+.2f} in {name}" for change, name in zip(by, DOMAINS, strict=True)]
        return [f"what hardening changed: {', '.join(parts)}"]

    coded = {
        (row.method, row.metric): row.value
        for row in rows
        if row.study == "representation" and row.domain == "pretrain"
    }
    part = f"{CONTENT}/content"
    return [
        f"Normalised score in {', '.join(DOMAINS)}; 0 is the better of the random and the blind "
        "policy, 1 the true-state agent; one seed"
        + ("" if scores else ": none, because the true-state agent does not beat the references"),
        on(HARDENED),
        on(CONTENT),
        *gained(),
        on(PLAIN),
        f"{on('pixels')}; {on('pixels_randomised')} (trained in ood1)",
        f"content latents: MLP-probe R2 of the state {number(coded[part, 'r2/mean'])}, largest "
        f"leak of the appearance {number(coded[part, 'leak/largest'])}; "
        f"MIG of all latents {number(coded[CONTENT, 'mig/mean'])}",
    ]
