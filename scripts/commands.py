"""The commands of ``bvae-rl``: name, module and one line, known without importing any of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple


class Command(NamedTuple):
    """``module`` of ``bvae_rl.scripts`` has ``Args`` and ``main(args)``; ``about`` is one line.

    ``draws``: it ends with pictures, for which it needs the extra ``plots``.
    """

    module: str
    about: str
    draws: bool = False


COMMANDS: dict[str, Command] = {
    "demo": Command(
        "demo.command", "The whole pipeline in 5 to 20 minutes, with a report.", draws=True
    ),
    "collect": Command("collect", "Collect frames of an environment into a frame store."),
    "show": Command(
        "show", "Look at an environment: frames in named domains, and its factors.", draws=True
    ),
    "import": Command(
        "import_dataset", "Read images, arrays, LeRobot or Minari data into a frame store."
    ),
    "objectives": Command("objectives", "List the objectives: purpose, hyperparameters, cost."),
    "pretrain": Command("pretrain.command", "Train a Beta-VAE on a frame store."),
    "harden": Command("harden.command", "Make a VAE ignore what the state does not depend on."),
    "sweep-beta": Command(
        "sweep.beta", "Train along beta (or the capacity), score, and choose.", draws=True
    ),
    "sweep-latents": Command(
        "sweep.latents", "Train along the number of latents, and choose.", draws=True
    ),
    "evaluate": Command("evaluate.command", "Score VAEs on frames with known factors.", draws=True),
    "visualize": Command("visualize.command", "Draw what the latents of a VAE hold.", draws=True),
    "explore": Command(
        "explore.command", "Write a page in which a VAE runs live, to be moved by hand."
    ),
    "train": Command("train", "Train and evaluate one agent, on latents or something else."),
    "compare": Command("compare", "Compare learning curves of several methods.", draws=True),
    "transfer": Command(
        "transfer", "Train agents in one visual domain, evaluate in others.", draws=True
    ),
    "adapt": Command(
        "adapt", "Move agents to new domains, their encoder frozen or fine-tuned.", draws=True
    ),
    "film": Command(
        "film.command",
        "Draw an animated GIF of an agent and its latents in several domains.",
        draws=True,
    ),
    "evidence": Command(
        "evidence.command",
        "Compare recipes of pretraining by scores and agents, over seeds.",
        draws=True,
    ),
    "bench": Command("bench.command", "Measure speed and size against targets."),
}


def load(name: str) -> Any:
    """The module of the command ``name``, imported now."""
    return import_module(f"bvae_rl.scripts.{COMMANDS[name].module}")
