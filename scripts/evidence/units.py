"""What ``bvae-rl evidence`` measures: its units, and those that are known already.

A row is a recipe by its name, with ``frames=NAME`` among its changes for frames other than those of
the store: ``plain_hardened:frames=source,steps=4000``.

Each row of a ``results.json`` says in its supervision budget by which settings it came about: a
fingerprint of all that the numbers of a unit depend on. What has another one is not taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bvae_rl.agents.config import AgentConfig
from bvae_rl.agents.evaluate import RANDOM_POLICY
from bvae_rl.agents.hyperparameters import tuned
from bvae_rl.agents.methods import METHODS, MethodInputs
from bvae_rl.agents.scores import REFERENCE, UPPER_BOUND, scale_methods
from bvae_rl.data.frame_store import FrameStore
from bvae_rl.models.vae_config import VAEConfig
from bvae_rl.runtime.identity import fingerprint
from bvae_rl.runtime.rows import Row
from bvae_rl.runtime.runs import Run, RunError
from bvae_rl.scripts.evidence.args import Args
from bvae_rl.scripts.pretrain import command as pretrain
from bvae_rl.scripts.pretrain.args import recipe_of
from bvae_rl.training.augment.variations import versions
from bvae_rl.training.objectives.table import entry
from bvae_rl.training.recipes.names import RecipeName
from bvae_rl.training.recipes.recipe import Recipe, latent_dims
from bvae_rl.training.recipes.table import RECIPES, recipe

SCALE = (UPPER_BOUND, REFERENCE, RANDOM_POLICY)  # units that fix the scale of the scores
UNIT = "unit"
FRAMES = "frames"  # the change of a row that names other frames
DERIVED = ("score", "retention")  # follow from the rows of all units, and are computed anew


@dataclass(frozen=True)
class Unit:
    """A recipe, or what fixes the scale of the scores, with a seed (a random policy has none)."""

    name: str
    seed: int | None

    @property
    def folder(self) -> str:
        name = self.name.replace(":", "-").replace(",", "-")
        return name if self.seed is None else f"{name}-seed{self.seed}"

    @property
    def teacher(self) -> Unit | None:
        """Whose VAE it hardens, if it does."""
        named = RecipeName.parse(self.name)
        return Unit(str(named.teacher), self.seed) if named.hardened else None

    def config(self, args: Args) -> dict[str, Any]:
        """All that its numbers depend on."""
        store = FrameStore.existing(store_of(self.name, args))
        shared = {
            "steps": args.steps, "equal_time": args.equal_time, "domain": args.domain,
            "samples": args.samples, "fit_steps": args.fit_steps, "agents": asdict(args.agents),
            "world": args.world.identity(), "store": store.meta, "rows": len(store),
        }  # fmt: skip
        env = args.world.config().id
        if args.agents.total_timesteps and tuned(env, "ppo") is None:
            shared["settings"] = AgentConfig.of("ppo", env).identity()["settings"]
        how: dict[str, Any] = {}
        if self.name in METHODS and self.name not in SCALE:
            how = METHODS[self.name].identity(MethodInputs())
        elif self.name not in SCALE:
            chosen = recipe_of(pretraining(row_of(self.name), 0, args, Path()), store)
            said = {"text", "supervision", "weigh_rare"} | (set() if chosen.harden else {"harden"})
            how = {key: v for key, v in vars(chosen).items() if key not in said}
            how |= follows_from(chosen, store)
        return {"settings": shared, "name": self.name, "recipe": how, "seed": self.seed}


def follows_from(chosen: Recipe, store: FrameStore) -> dict[str, Any]:
    """What the frames change of a recipe, and which variations drew otherwise before.

    Nothing in PlanarReach, where recipes were tuned, but for the latter.
    """
    weight, weighting = chosen.make_config(store).recon_weight, chosen.make_weighting(store)
    found: dict[str, Any] = {} if weight == VAEConfig.recon_weight else {"recon_weight": weight}
    if weighting != chosen.weighting:
        found["weighting"] = weighting
    if chosen.harden and (newer := versions(chosen.harden.against)):
        found["versions"] = newer
    return found


def units_of(args: Args) -> dict[str, Unit]:
    """By the fingerprint of their settings, what fixes the scale of the scores first.

    Seed by seed, so that what a cut leaves is balanced; of a seed what is hardened last.
    """
    rows = (*args.beside, *sorted(args.recipes, key=lambda name: RecipeName.parse(name).hardened))
    units = [Unit(RANDOM_POLICY, None)] if args.agents.total_timesteps else []
    scale = scale_methods(args.world.config()) if args.agents.total_timesteps else ()
    units += [Unit(name, seed) for seed in args.seeds for name in (*scale, *rows)]
    return {fingerprint(one.config(args)): one for one in units}


def row_of(name: str) -> Recipe:
    """The recipe of a row; ValueError for an unknown one."""
    return recipe(str(RecipeName.parse(name).without(FRAMES)))


def store_of(name: str, args: Args) -> Path:
    """The folder of the frames that a row is trained on; ValueError if it is not given."""
    stores = dict(given.partition("=")[::2] for given in args.frames)
    wanted = RecipeName.parse(name).changes.get(FRAMES)
    if wanted is None:
        return args.store
    if not stores.get(wanted):
        raise ValueError(
            f"the row {name} is trained on other frames: give their store, --frames "
            f"{wanted}=FOLDER (bvae-rl collect); there is {', '.join(args.frames) or 'none'}"
        )
    return Path(stores[wanted])


def known_of(name: str) -> str:
    """What the training of a row knows beside the frames, in words."""
    if name in METHODS:
        domain = METHODS[name].train_domain
        if METHODS[name].recolouring:
            return "that colour is appearance"
        return "none" if domain is None else f"appearances of {domain}"
    frames = RecipeName.parse(name).changes.get(FRAMES)
    known = row_of(name).supervision
    return known if frames is None else f"{known} (frames: {frames})"


def pretraining(
    row: Recipe, seed: int, args: Args, out: Path, *, store: Path | None = None
) -> pretrain.Args:
    """What a row does not say is equal for all: weights of pixels, latents, and which pairs.

    An objective that does not know the shared factors of a pair gets all pairs that there are.
    """
    content, style = latent_dims(FrameStore.existing(args.store).factor_specs)
    sizes = {} if row.room else {"content_dim": content, "style_dim": style}
    known = RecipeName.parse(row.name).row in RECIPES
    alone = not known and entry(row.objective).pairs not in ("", "views")
    return pretrain.Args.of(
        store or args.store, recipe=row.name, out=out, steps=batches(row, args), seed=seed,
        log_freq=500, weighting="auto",
        pairs="views+interventions" if alone else None, **sizes,
    )  # fmt: skip


def batches(row: Recipe, args: Args) -> int:
    """How many steps a recipe trains for."""
    cost = entry(row.objective).cost if args.equal_time else 1.0
    return round(args.steps / cost)


def marked(rows: Iterable[Row], key: str) -> list[Row]:
    """The same rows with the fingerprint of their unit in the supervision budget."""
    return [replace(row, budget={**row.budget, UNIT: key}) for row in rows]


def known_units(files: Sequence[Path]) -> dict[str, list[Row]]:
    """Fingerprint -> measured rows of that unit; of two files that hold one, the first counts.

    Raises RunError for a file that is missing or broken.
    """
    found: dict[str, list[Row]] = {}
    for file in files:
        if not file.exists():
            raise RunError(f"there are no results at {file}")
        units: dict[str, list[Row]] = {}
        try:
            rows = Run(file.parent).rows(file.name)
        except (ValueError, TypeError, AttributeError) as error:
            raise RunError(
                f"{file} is no results.json of bvae-rl evidence, which --known takes ({error})"
            ) from error
        for row in rows:
            if UNIT in row.budget and row.metric not in DERIVED:
                units.setdefault(row.budget[UNIT], []).append(row)
        found = units | found
    return found


def known_seeds(units: Mapping[str, Sequence[Row]]) -> tuple[int, ...]:
    """All seeds that any of the units was measured with."""
    seeds = {seed_of(row) for rows in units.values() for row in rows}
    return tuple(sorted(seed for seed in seeds if seed is not None))


def seed_of(row: Row) -> int | None:
    """The seed of the row's VAE, else of its agent; the random policy has none."""
    return row.agent_seed if row.vae_seed is None else row.vae_seed
