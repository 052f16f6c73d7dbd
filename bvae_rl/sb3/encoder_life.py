"""An encoder's life across trainings: frozen, then fine-tuned, taken out, put into the next agent.

    set_mode(model, "policy", step_size=0.1)   # from now on the RL loss trains the encoder too
    model.learn(100_000)
    encoder = take_encoder(model)              # what the reward made of it
    load_encoder(other_model, encoder)

To be called between two trainings (``learn``), not by a callback in the middle of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn
from torch.optim import Optimizer

from bvae_rl.models.hub import VAE, find_vae
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.sb3.codes import code_spaces
from bvae_rl.sb3.copies import encoder_copies, followed, lags, latent_env_of, same_weights
from bvae_rl.sb3.encoder_weights import EncoderWeights
from bvae_rl.sb3.extractor import checkpoint_of
from bvae_rl.sb3.own_encoder import HeldEncoder
from bvae_rl.sb3.picture_names import picture_of
from bvae_rl.sb3.policy_encoder import Mode, PolicyEncoder, check_mode
from bvae_rl.sb3.taken import TakenEncoder, find_vae_encoder

EXTRACTOR = "features_extractor_kwargs"
CODES = ("shape", "native", "latent_dim", "levels")  # what can be told from codes
ARCHITECTURE = (*CODES, "channels", "hidden", "encoder")


def set_mode(model: BaseAlgorithm, mode: Mode, *, step_size: float = 1.0) -> None:
    """Change who trains the encoder in ``model``, whose weights stay as they are, bit for bit.

    The optimizers gain or lose the encoder and keep what they know of everything else. Where
    nobody, or ``OnlineBetaVAE``, is to train it, target copies take the weights of the copy that
    they follow, which Polyak averages no longer reach. What is saved afterwards loads as usual.

    ``mode``, ``step_size``: as in ``policy_kwargs``. A new ``step_size`` within mode "policy"
    leaves the features as they are up to rounding.

    Raises ValueError for a model without a Beta-VAE encoder in its policy, a mode or step size that
    cannot be, and mode "policy" where actor and critic share the encoder.
    """
    copies = _required(model)
    check_mode(mode, step_size=step_size)
    if mode == "policy":
        _refuse_shared(model)
    old = [offset for copy in copies.values() for offset in copy.offsets]
    for copy in copies.values():
        copy.require_weights()
        copy.become(mode, step_size=step_size)
    if mode != "policy":
        for where, copy in copies.items():
            if lags(where):
                copy.write(_followed(model, where).weights())
    trained = [copy for where, copy in copies.items() if not lags(where)]
    new = {id(offset) for copy in trained for offset in copy.offsets}
    for owner, optimizer in _optimizers(model):
        _hold(optimizer, owner, gone={id(offset) for offset in old} - new, new=new)
    _remember(model, mode=mode, step_size=step_size)


def load_encoder(model: BaseAlgorithm, vae: VAE, *, key: str | None = None) -> None:
    """Put another VAE's encoder of the same architecture into all copies in ``model``.

    Its statistics come along, and ``inspect`` compares with it from now on. The heads stay: they
    know the old codes, so train on.

    ``vae``: a ``BetaVAE``, what ``take_encoder`` gave, or a folder or name.
    ``key``: whose encoder to replace, of a policy with one for each picture of a Dict.

    Raises ValueError for another architecture, channel order or other columns of the latents that
    the policy sees, for one without statistics where the policy's codes are standardised, for
    another key, and for a model without a Beta-VAE encoder in its policy.
    """
    copies = copies_of(model, key)
    vae = find_vae(vae) if isinstance(vae, str | Path) else vae
    encoder = find_vae_encoder(vae)
    for where, copy in copies.items():
        refuse_unlike(where, copy.config, copy.latents, encoder)
    standardise = any(copy.standardise for copy in copies.values())
    weights = EncoderWeights.of(encoder, standardise=standardise)
    checkpoint = checkpoint_of(vae, encoder, standardise=standardise)
    for copy in copies.values():
        copy.adopt(weights)
        copy.config, copy.checkpoint = encoder.config, checkpoint
    offsets = [offset for copy in copies.values() for offset in copy.offsets]
    for _, optimizer in _optimizers(model):
        for offset in offsets:  # its moments were of the old weights
            optimizer.state.pop(offset, None)
    made_of = {"config": encoder.config.to_dict(), "checkpoint": checkpoint}
    if key is not None:
        each = model.policy_kwargs[EXTRACTOR]["encoders"]
        made_of = {"encoders": {**each, key: {**each[key], **made_of}}}
    _remember(model, **made_of)


def take_encoder(model: BaseAlgorithm, copy: str | None = None) -> TakenEncoder:
    """The encoder of ``model`` as it is now, for ``policy_kwargs``, ``LatentVecEnv`` and ``save``.

    It has all latents, the VAE's groups, and the statistics by which the policy standardises; no
    decoder, since none knows the codes that the reward has made. Action space and algorithm of the
    next agent are free.

    ``copy``: which copy, by its name in ``inspect`` ("actor", "critic.features_extractor"), where
    they have been trained apart.

    Raises ValueError for copies that differ and no ``copy``, for an unknown one, and for a model
    without a Beta-VAE encoder in its policy.
    """
    copies = {name: one for name, one in _required(model).items() if not lags(name)}
    if copy is not None:
        chosen = {
            name: one
            for name, one in copies.items()
            if f"{name}.".startswith(f"{copy}.") or picture_of(name) == copy
        }
        if not chosen:
            raise ValueError(f"no copy {copy!r} of the encoder; known: {', '.join(copies)}")
        copies = chosen
    (where, first), *others = copies.items()
    weights = first.weights()
    if not all(same_weights(weights, other.weights()) for _, other in others):
        raise ValueError(
            f"the encoders {', '.join(copies)} have been trained apart; choose one, as "
            f"take_encoder(model, {list(copies)[-1]!r})"
        )
    first.require_weights()
    about = {"algorithm": type(model).__name__, "copy": where, "steps": model.num_timesteps}
    return TakenEncoder.of(first, taken_from=about)


def copies_of(model: BaseAlgorithm, key: str | None) -> dict[str, PolicyEncoder]:
    """The copies of the encoder of picture ``key``; None: of the only one.

    Raises ValueError for a model without a Beta-VAE encoder in its policy, and for another key.
    """
    return _of_picture(_required(model), key)


def _required(model: BaseAlgorithm) -> dict[str, PolicyEncoder]:
    copies = encoder_copies(model)
    if not copies:
        over = latent_env_of(model) is not None
        cure = (
            "it is in the environment (LatentVecEnv.vae): to_image_policy(model) puts it into the "
            "policy"
            if over
            else "load it with env=LatentVecEnv(...), which holds the encoder of its codes"
            if code_spaces(model.observation_space)
            else "what holds an encoder of your own stays frozen"
            if any(isinstance(module, HeldEncoder) for module in model.policy.modules())
            else "build the model with policy_kwargs(...)"
        )
        raise ValueError(
            f"the policy of this {type(model).__name__} holds no Beta-VAE encoder; {cure}"
        )
    return copies


def _of_picture(copies: dict[str, PolicyEncoder], key: str | None) -> dict[str, PolicyEncoder]:
    """The copies of the encoder of picture ``key``; all of the only one."""
    pictures = {*map(picture_of, copies)} - {""}
    if bool(pictures) != (key is not None) or (pictures and key not in pictures):
        known = ", ".join(map(repr, sorted(pictures))) or "none, since one encoder has all pictures"
        raise ValueError(f"got key={key!r}, and this policy has encoders of: {known}")
    return {
        where: copy for where, copy in copies.items() if key is None or picture_of(where) == key
    }


def _followed(model: BaseAlgorithm, target: str) -> PolicyEncoder:
    """The copy that a target copy follows."""
    where = followed(target)
    found = model.policy.get_submodule(where)
    if not isinstance(found, PolicyEncoder):  # the name is the extractor's
        found = model.policy.get_submodule(f"{where}.encoder")
    assert isinstance(found, PolicyEncoder)
    return found


def _optimizers(model: BaseAlgorithm) -> Iterator[tuple[nn.Module, Optimizer]]:
    """The networks that have an optimizer: the whole policy, or actor and critic."""
    for owner in (model.policy, *model.policy.children()):
        optimizer = getattr(owner, "optimizer", None)
        if isinstance(optimizer, Optimizer):
            yield owner, optimizer


def _hold(optimizer: Optimizer, owner: nn.Module, *, gone: set[int], new: set[int]) -> None:
    """Let ``optimizer`` hold the new parameters of ``owner``, in the order of a fresh one.

    In a saved state parameters are numbers, so that the order is what ``load`` finds them by.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if id(parameter) in gone:
                optimizer.state.pop(parameter, None)
        group["params"] = [p for p in group["params"] if id(p) not in gone]
    first, *others = optimizer.param_groups
    elsewhere = {id(p) for group in others for p in group["params"]}
    held = {id(p) for p in first["params"]} | (new - elsewhere)
    first["params"] = [p for p in owner.parameters() if id(p) in held]


def _refuse_shared(model: BaseAlgorithm) -> None:
    owners = [owner for owner, _ in _optimizers(model) if owner is not model.policy]
    for where, copy in encoder_copies(model).items():
        if sum(any(part is copy for part in owner.modules()) for owner in owners) > 1:
            raise ValueError(
                f"actor and critic share the encoder {where}, and the actor's loss alone would "
                "train it; build the model with share_features_extractor=False"
            )


def refuse_unlike(
    where: str,
    mine: VAEConfig,
    latents: str,
    encoder: BetaVAE,
    parts: Sequence[str] = ARCHITECTURE,
) -> None:
    """ValueError where ``encoder`` cannot stand for one of config ``mine`` that gives ``latents``.

    ``where``: which encoder of the agent that is. ``parts``: of the configs, what must be alike.
    """
    other = encoder.config
    different = [
        f"{name} {getattr(mine, name)}, not {getattr(other, name)}"
        for name in (*parts, "channel_order")
        if getattr(mine, name) != getattr(other, name)
    ]
    if not different and mine.slice_of(latents) != other.slice_of(latents):
        different = [
            f"latents {latents!r} at {mine.slice_of(latents)}, not at {other.slice_of(latents)}"
        ]
    if different:
        raise ValueError(
            f"the encoder {where} has {'; '.join(different)}; for another architecture build a new "
            "model with policy_kwargs(vae), or over LatentVecEnv(venv, vae)"
        )


def _remember(model: BaseAlgorithm, **changes: Any) -> None:
    """Have a model that is loaded built as this one is now."""
    kwargs = model.policy_kwargs or {}
    model.policy_kwargs = {**kwargs, EXTRACTOR: {**kwargs.get(EXTRACTOR, {}), **changes}}
    for module in model.policy.modules():
        if isinstance(found := getattr(module, EXTRACTOR, None), dict):
            setattr(module, EXTRACTOR, {**found, **changes})
