"""A policy over ``LatentVecEnv`` and its encoder as one model that takes pictures, and back.

    image_model = to_image_policy(model)      # trained on latents; deploy it on pictures
    latent_model = to_latent_policy(image_model)

Heads, optimizers and counters are carried over, so that either can be trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import gymnasium as gym
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.save_util import recursive_getattr, recursive_setattr
from stable_baselines3.common.torch_layers import CombinedExtractor, FlattenExtractor
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecNormalize

from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.models.vae import BetaVAE
from bvae_rl.sb3.check_codes import agents_codes
from bvae_rl.sb3.codes import refuse_other_codes
from bvae_rl.sb3.combined import BetaVAECombinedExtractor
from bvae_rl.sb3.copies import encoder_copies, lags, latent_env_of, same_weights
from bvae_rl.sb3.extractor import BetaVAEExtractor
from bvae_rl.sb3.latent_env import LatentVecEnv
from bvae_rl.sb3.own_encoder import PackedEncoder
from bvae_rl.sb3.picture_names import picture_of
from bvae_rl.sb3.policy_encoder import Mode
from bvae_rl.sb3.taken import TakenEncoder

Model = TypeVar("Model", bound=BaseAlgorithm)
# What belongs to the old environment or is set up anew; SB3's own list is added to it.
_NOT_CARRIED = {
    "observation_space", "policy_class", "policy_kwargs", "_last_obs", "_last_original_obs",
    "_last_episode_starts", "_last_lstm_states", "ep_info_buffer", "ep_success_buffer", "n_envs",
}  # fmt: skip


def to_image_policy(
    model: Model,
    latent_env: LatentVecEnv | None = None,
    *,
    mode: Mode = "frozen",
    buffer_size: int | None = None,
) -> Model:
    """A model of the same class on the pictures beneath ``latent_env``, with equal actions.

    Wrappers above ``latent_env`` (VecMonitor, VecNormalize of rewards) are left out.

    ``model``: trained over ``latent_env``.
    ``latent_env``: default: the model's own.
    ``mode``: of the encoder that is built in, "frozen" or "online"; another one than a BetaVAE's
    stays "frozen".
    ``buffer_size``: transitions in the replay buffer of an off-policy model, default: as many as
    before. Pictures take a hundred times the memory; a model that only acts needs room for 1.

    Raises ValueError for other codes than the model was trained on, policies of a class or with an
    extractor of their own, wrappers that change the codes, an encoder that cannot be pickled, and
    algorithms without image policies (CrossQ).
    """
    latent_env = latent_env or latent_env_of(model)
    if latent_env is not None and not isinstance(latent_env, LatentVecEnv):
        raise TypeError(
            f"latent_env is the LatentVecEnv of the policy, got {type(latent_env).__name__}; the "
            "model on pictures gets an environment by its set_env"
        )
    if latent_env is None:
        raise ValueError(
            "to_image_policy needs the LatentVecEnv that the policy was trained on, and the model "
            "has none; pass it as latent_env"
        )
    vae = latent_env.vae
    if isinstance(vae, Mapping):
        raise ValueError(
            "to_image_policy joins a policy with one encoder, and this LatentVecEnv has one for "
            f"each of {', '.join(vae)}; build the model with policy_kwargs({{key: vae}}) instead"
        )
    if mode != "frozen" and not isinstance(vae, BetaVAE):
        raise ValueError(f"{type(vae).__name__} stays frozen in a policy, got mode={mode!r}")
    if mode == "policy":
        raise ValueError(
            "the encoder comes without an optimizer, so mode must be 'frozen' or 'online'"
        )
    _refuse_own(model, _PLAIN)
    latent_env.refuse_moved()
    refuse_other_codes(agents_codes(model), latent_env.observation_space, what="latent_env shows")
    if _normalises(model) or model.observation_space != latent_env.observation_space:
        raise ValueError(
            "a wrapper above LatentVecEnv changes its observations, and a model on pictures would "
            "not; put VecFrameStack below it, and VecNormalize(norm_obs=True), too, if the "
            "algorithm is on-policy, and train again"
        )
    if latent_env.frame_stack > 1:
        n = latent_env.frame_stack
        raise ValueError(
            f"the policy sees the codes of {n} observations, of which the first are zeros, and "
            f"a policy on pictures would see those of black frames; train it over "
            f"LatentVecEnv(VecFrameStack(venv, {n}), vae) instead, and join that"
        )
    is_dict = isinstance(latent_env.observation_space, gym.spaces.Dict)
    made_of: dict[str, Any] = (
        {"config": vae.config.to_dict()}
        if isinstance(vae, BetaVAE)
        else {"own": PackedEncoder.of(vae)}
    )
    kwargs = {
        **(model.policy_kwargs or {}),
        "features_extractor_class": BetaVAECombinedExtractor if is_dict else BetaVAEExtractor,
        "features_extractor_kwargs": {
            **made_of,
            "latents": latent_env.latents,
            "mode": mode,
            "standardise": latent_env.standardise,
            **how_held(latent_env.layouts),
        },
    }
    joined = _rebuild(
        model, latent_env.venv, "MultiInput" if is_dict else "Cnn", kwargs, buffer_size
    )
    for copy in encoder_copies(joined).values():
        assert isinstance(vae, BetaVAE)
        copy.adopt(vae)
    _carry_over(model, joined, optimizers=True)
    return joined


def to_latent_policy(
    model: Model, venv: VecEnv | None = None, *, buffer_size: int | None = None
) -> Model:
    """A model of the same class over ``LatentVecEnv(venv, its encoder)``, with equal actions.

    After mode "policy" the optimizers start afresh.

    ``model``: with a Beta-VAE encoder in its policy.
    ``venv``: of pictures; default: the model's own environment.
    ``buffer_size``: transitions in the replay buffer; default: as many as before.

    Raises ValueError where the copies of the encoder differ (SAC, TD3 and unshared on-policy
    policies after mode "policy"): one environment cannot encode in two ways. So for several VAEs,
    and for a features extractor or policy class of your own.
    """
    copies = {name: copy for name, copy in encoder_copies(model).items() if not lags(name)}
    if not copies:
        raise ValueError(
            f"this {type(model).__name__} has no Beta-VAE encoder to take out; an encoder of your "
            "own goes to LatentVecEnv as it is"
        )
    _refuse_own(model, (BetaVAEExtractor, BetaVAECombinedExtractor))
    if several := sorted({*map(picture_of, copies)} - {""}):
        raise ValueError(
            f"the policy has an encoder for each of {', '.join(several)}; build the model over "
            "LatentVecEnv(venv, {key: vae}) instead"
        )
    first, *others = copies.values()
    weights = first.weights()
    for other in others:
        if not same_weights(weights, other.weights()):
            raise ValueError(
                f"the encoders {', '.join(copies)} have been trained apart, and one LatentVecEnv "
                "cannot stand for several"
            )
    venv = venv or model.get_env()
    if venv is None:
        raise ValueError("this model has no environment; give its VecEnv of pictures as venv")
    first.require_weights()
    latent_env = LatentVecEnv(
        venv, TakenEncoder.of(first), latents=first.latents, standardise=first.standardise,
        channel_order=first.config.channel_order, **how_held(_layouts(model)),
    )  # fmt: skip
    kwargs = {
        key: value
        for key, value in (model.policy_kwargs or {}).items()
        if not key.startswith("features_extractor")
    }
    is_dict = isinstance(latent_env.observation_space, gym.spaces.Dict)
    latent = _rebuild(model, latent_env, "MultiInput" if is_dict else "Mlp", kwargs, buffer_size)
    _carry_over(model, latent, optimizers=first.mode != "policy")
    return latent


_PLAIN = (FlattenExtractor, CombinedExtractor)


def _refuse_own(model: BaseAlgorithm, extractors: tuple[type, ...]) -> None:
    """ValueError for a policy that computes what the joined or taken apart one would not."""
    extractor, policy = model.policy.features_extractor_class, model.policy_class
    if extractor not in extractors:
        raise ValueError(
            f"the policy has a features extractor of its own ({extractor.__name__}), which would "
            "be replaced"
        )
    if policy not in model.policy_aliases.values():
        raise ValueError(
            f"the policy is of a class of its own ({policy.__name__}), which would be replaced by "
            f"that of {type(model).__name__}"
        )


def _layouts(model: BaseAlgorithm) -> Mapping[Any, FrameLayout]:
    """How the policy's pictures are held, by key."""
    return next(
        module.layouts for module in model.policy.modules() if isinstance(module, BetaVAEExtractor)
    )


def how_held(layouts: Mapping[Any, FrameLayout]) -> dict[str, Any]:
    """``stacked`` and ``keys`` of ``policy_kwargs`` and ``LatentVecEnv`` for such pictures."""
    if None in layouts:
        return {"stacked": layouts[None].stack}
    return {"stacked": {key: one.stack for key, one in layouts.items()}, "keys": list(layouts)}


def _normalises(model: BaseAlgorithm) -> bool:
    """Whether a VecNormalize above LatentVecEnv changes observations; their space stays."""
    layer: Any = model.get_env()
    while isinstance(layer, VecEnvWrapper) and not isinstance(layer, LatentVecEnv):
        if isinstance(layer, VecNormalize) and layer.norm_obs:
            return True
        layer = layer.venv
    return False


def _rebuild(
    model: Model,
    env: VecEnv,
    kind: str,
    policy_kwargs: Mapping[str, Any],
    buffer_size: int | None,
) -> Model:
    """A fresh model with the hyperparameters and counters of ``model``, as ``load`` makes one."""
    policy = _policy(model, kind)
    built: Any = type(model)(policy, env, device=model.device, _init_setup_model=False)  # type: ignore[call-arg]
    states, variables = model._get_torch_save_params()
    left_out = {name.partition(".")[0] for name in [*states, *variables]}
    left_out |= {*model._excluded_save_params(), *_NOT_CARRIED}
    built.__dict__.update({k: v for k, v in model.__dict__.items() if k not in left_out})
    built.policy_kwargs = dict(policy_kwargs)
    if buffer_size is not None:
        built.buffer_size = buffer_size
    built._setup_model()
    return built


def _policy(model: BaseAlgorithm, kind: str) -> type[Any]:
    """The class of the same family as the model's policy, for "Mlp", "Cnn" or "MultiInput"."""
    aliases = model.policy_aliases
    suffix = "LstmPolicy" if "MlpLstmPolicy" in aliases else "Policy"
    if kind + suffix not in aliases:
        raise ValueError(
            f"{type(model).__name__} has no {kind}{suffix}; known: {', '.join(aliases)}; keep it "
            "over LatentVecEnv"
        )
    return aliases[kind + suffix]


def _carry_over(old: BaseAlgorithm, new: BaseAlgorithm, *, optimizers: bool) -> None:
    """Give ``new`` all weights of ``old`` but those of features extractors."""
    merged: Any = old.get_parameters()
    own = new.get_parameters()
    for name in own:
        if name == "policy":
            merged[name] = {
                key: value if "features_extractor" in key else merged[name][key]
                for key, value in own[name].items()
            }
        elif not optimizers:
            merged[name] = own[name]
    new.set_parameters(merged, exact_match=True, device=new.device)
    for name in old._get_torch_save_params()[1]:  # such as SAC's log_ent_coef
        recursive_setattr(new, f"{name}.data", recursive_getattr(old, name).data.clone())
