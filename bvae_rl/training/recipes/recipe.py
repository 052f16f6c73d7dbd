"""One recipe: a whole way of training a VAE, and the VAE that it takes for some frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bvae_rl.data.factors import FactorSpec
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.losses import Likelihood
from bvae_rl.models.vae_config import VAEConfig, actuator_part
from bvae_rl.training.annealing import Annealing, Shape
from bvae_rl.training.batches.pixel_weights import Weighting
from bvae_rl.training.batches.rare_pixels import shows_rare_things
from bvae_rl.training.hardening.settings import Hardening
from bvae_rl.training.objectives import Objective
from bvae_rl.training.objectives.table import OBJECTIVES, entry
from bvae_rl.training.recipes.recon_weight import recon_weight

CONTENT, STYLE = 24, 8  # latents where nobody knows the factors
EXTRA = 2  # style latents more than there are appearance factors: with too few a colour gets lost


@dataclass(frozen=True)
class Recipe:
    """How a VAE is trained: objective, hyperparameters, their annealing, and its latents.

    ``supervision`` says what the training knows beside the frames. ``content_dim`` and
    ``style_dim`` None follow the store's factors if the objective keeps the two groups apart, else
    they are 24 and 8. With ``weigh_rare`` the kind of the weighting is "rare" where the frames show
    rare things. With ``room`` they are 24 and 8 whatever the factors (more where there are
    many), and latents that do not tell frames apart are cut out at the end (``prune``). ``model``
    holds further fields of ``VAEConfig``. ``harden`` is the last phase, which begins with the VAE
    that all else trains.
    """

    name: str
    text: str
    supervision: str = "none"
    objective: str = "beta"
    preset: Literal["tuned", "paper"] = "tuned"
    hyperparameters: Mapping[str, float] = field(default_factory=dict)
    pairs: str | None = None
    schedule: Shape = "linear"
    ramp: float = 0.2
    release: float = 0.0
    weighting: Weighting | None = None
    weigh_rare: bool = False
    content_dim: int | None = None
    style_dim: int | None = None
    per_actuator: int = 1
    room: bool = False
    model: Mapping[str, Any] = field(default_factory=dict)
    harden: Hardening | None = None

    @property
    def latents(self) -> Literal["content", "all"]:
        """What an agent sees of it."""
        return "content" if entry(self.objective).groups else "all"

    @property
    def prune(self) -> bool:
        """Whether idle latents are cut out; sizes that are given are kept."""
        return self.room and self.content_dim is None and self.style_dim is None

    @property
    def kinds(self) -> list[str]:
        """The kinds of pairs that it trains on; none for single frames."""
        row = entry(self.objective)
        if self.pairs is not None and not row.pairs:
            takers = [other.name for other in OBJECTIVES.values() if other.pairs]
            raise ValueError(
                f"objective {row.name} takes single frames, not pairs {self.pairs!r}; these take "
                f"pairs: {', '.join(takers)}"
            )
        pairs = row.pairs if self.pairs is None else self.pairs
        return pairs.split("+") if pairs else []

    def refuse_narrow_student(self, config: VAEConfig | None = None) -> None:
        """ValueError for a last phase whose student has fewer units than the VAE, of ``config``."""
        if self.harden is not None:
            widths = {k: v for k, v in self.model.items() if k in ("channels", "hidden")}
            self.harden.student(config or VAEConfig(**widths))

    def make_objective(self, steps: int) -> Objective:
        """The objective for a training of ``steps`` steps."""
        annealing = Annealing(steps, self.schedule, self.ramp, self.release)
        return entry(self.objective).make(self._values(), annealing, pairs="+".join(self.kinds))

    def make_weighting(self, store: FrameStore) -> Weighting | None:
        """Which pixels count more in the frames of ``store``."""
        if self.weighting is None or not self.weigh_rare or not shows_rare_things(store):
            return self.weighting
        return replace(self.weighting, kind="rare")

    def make_config(self, store: FrameStore) -> VAEConfig:
        """The VAE for the frames of ``store``; ValueError for latents that do not go together."""
        row, paper = entry(self.objective), self.preset == "paper"
        content, style = self._sizes(store)
        if min(content, style) < 0:
            raise ValueError(
                f"numbers of latents must not be negative, got content_dim {content} and style_dim "
                f"{style}"
            )
        groups: dict[str, tuple[int, int]] = {}
        parts: dict[str, tuple[int, int]] = {}
        intervened = row.groups and "interventions" in self.kinds
        if self.per_actuator != 1 and not intervened:
            raise ValueError(
                f"per_actuator {self.per_actuator} needs interventions and an objective with "
                "groups: --objective cross_reconstruction --pairs views+interventions"
            )
        if row.groups:
            if not content or not style:
                raise ValueError(
                    f"objective {self.objective} needs latents for content and for style, got "
                    f"content_dim {content} and style_dim {style}"
                )
            groups = {"content": (0, content), "style": (content, content + style)}
            if intervened:
                parts = _actuator_parts(store, self.per_actuator, content)
        likelihood: Likelihood = row.likelihood or ("bernoulli" if paper else "gaussian")
        levels = int(self._values().get("levels", 0))
        model = {"likelihood": likelihood, "levels": levels, **self.model}
        if "recon_weight" not in model:
            by_frames = model["likelihood"] == "gaussian" and not paper
            usual = 1.0 if paper else VAEConfig.recon_weight
            model["recon_weight"] = recon_weight(store) if by_frames else usual
        return VAEConfig(
            shape=store.shape, native=store.native, top=store.meta.get("top"),
            latent_dim=content + style, groups=groups, parts=parts, **model,
        )  # fmt: skip

    def _values(self) -> dict[str, float]:
        return entry(self.objective).hyperparameters(self.preset, self.hyperparameters)

    def _sizes(self, store: FrameStore) -> tuple[int, int]:
        row, specs = entry(self.objective), store.factor_specs
        if row.factors:
            return _one_latent_a_factor(store, self.objective)
        held = latent_dims(specs)
        content, style = held if row.groups and specs else (CONTENT, STYLE)
        if self.room:
            content, style = max(CONTENT, 2 * held[0]), max(STYLE, held[1])
        return (
            content if self.content_dim is None else self.content_dim,
            style if self.style_dim is None else self.style_dim,
        )


def latent_dims(specs: Sequence[FactorSpec]) -> tuple[int, int]:
    """Sizes of content and style: a latent a factor, two for a cyclic one; style has two extra."""
    held = {"state": 0, "appearance": EXTRA}
    for spec in specs:
        held[spec.role] += 2 if spec.kind == "cyclic" else 1
    return held["state"], held["appearance"]


def _one_latent_a_factor(store: FrameStore, objective: str) -> tuple[int, int]:
    roles = [spec.role for spec in store.factor_specs]
    state = roles.count("state")
    if not state or state == len(roles) or roles[:state] != ["state"] * state:
        raise ValueError(
            f"objective {objective} regresses state factors, then appearance factors; "
            f"{store.folder} holds {', '.join(roles) or 'no factors'}"
        )
    return state, len(roles) - state


def _actuator_parts(store: FrameStore, width: int, content: int) -> dict[str, tuple[int, int]]:
    """The first latents, ``width`` for each actuator of the store; none if it has no actions."""
    if width < 1:
        raise ValueError(f"per_actuator must be at least 1, got {width}")
    try:
        actuators = store.array("actions").shape[1]
    except KeyError:
        actuators = 0
    if actuators * width > content:
        raise ValueError(
            f"{actuators} actuators with {width} latents each do not fit into content_dim "
            f"{content}; take more content latents, or fewer per actuator"
        )
    return {actuator_part(i): (i * width, (i + 1) * width) for i in range(actuators)}
