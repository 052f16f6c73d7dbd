"""More traps of Stable-Baselines3, a regression test each; the first ones: ``test_traps.py``.

09 the actor's loss alone, 13 passes of the encoder, 14 optional packages, 15 fresh processes,
16 classes in ``__main__``, 28 CrossQ and normalised pictures, 29 a smaller step for the encoder.
"""

from __future__ import annotations

import base64
import json
import pickletools
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sb3_contrib import TRPO, MaskablePPO
from stable_baselines3 import A2C, DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecEnv,
    VecNormalize,
    VecTransposeImage,
)

from bvae_rl.data.environments import EnvConfig
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.runtime.optional import require
from bvae_rl.sb3 import (
    BetaVAECombinedExtractor,
    BetaVAEExtractor,
    LatentVecEnv,
    inspect,
    policy_kwargs,
    to_image_policy,
)
from bvae_rl.sb3.copies import encoder_copies
from bvae_rl.sb3.policy_encoder import PolicyEncoder
from tests.plug_cases import PLAIN, NoiseEnv

ROOT = Path(__file__).resolve().parents[1]
REACH = "bvae_rl.envs:bvae_rl/PlanarReach-v0"
CONFIG = VAEConfig(shape=(3, 32, 32), latent_dim=4, channels=(8, 8, 8), hidden=16)
REPLAY = {"learning_starts": 4, "batch_size": 4, "buffer_size": 20, "train_freq": 1}
ONE_STEP: dict[type[BaseAlgorithm], tuple[int, dict[str, Any]]] = {  # of the optimizer
    PPO: (8, {"n_steps": 8, "batch_size": 8, "n_epochs": 1}),
    A2C: (4, {"n_steps": 4}),
    SAC: (5, REPLAY),
    TD3: (5, REPLAY | {"policy_delay": 1}),
    DQN: (5, REPLAY | {"target_update_interval": 1}),
}


@pytest.fixture
def vae() -> BetaVAE:
    torch.manual_seed(0)
    vae = BetaVAE(CONFIG).eval()
    vae.meta["statistics"] = PLAIN
    return vae


@pytest.fixture
def folder(vae: BetaVAE, tmp_path: Path) -> Path:
    return vae.save(tmp_path / "vae")


def build(
    algorithm: type[BaseAlgorithm],
    folder: Path,
    *,
    kind: str = "bytes",
    venv: VecEnv | None = None,
    share: bool | None = None,
    settings: dict[str, Any] | None = None,
    **arguments: Any,
) -> Any:
    one = "arm" not in kind
    arguments["extractor"] = BetaVAEExtractor if one else BetaVAECombinedExtractor
    kwargs = policy_kwargs(folder, net_arch=[8], **arguments)
    if share is not None:
        kwargs["share_features_extractor"] = share
    venv = venv or DummyVecEnv([lambda: NoiseEnv(kind, discrete=algorithm is DQN)])
    contrib = {} if settings else REPLAY
    hyperparameters = ONE_STEP.get(algorithm, (0, contrib))[1] | (settings or {})
    policy = "CnnPolicy" if one else "MultiInputPolicy"
    return algorithm(policy, venv, policy_kwargs=kwargs, seed=0, **hyperparameters)


@pytest.mark.parametrize("kind", ["bytes", "camera and arm"])
@pytest.mark.parametrize("algorithm", [SAC, TD3, DDPG])
def test_trap_09_the_actors_loss_alone_never_trains_the_encoder(algorithm, kind, folder):
    with pytest.raises(ValueError, match="share_features_extractor=True trains the encoder by"):
        build(algorithm, folder, kind=kind, share=True, mode="policy")
    for mode in ("frozen", "online"):
        model = build(algorithm, folder, kind=kind, share=True, mode=mode)
        assert model.actor.features_extractor is model.critic.features_extractor
    model = build(algorithm, folder, kind=kind, share=False, mode="policy")
    model.policy.to("cpu").to("cpu")  # as often as one likes


@pytest.mark.parametrize("algorithm", [PPO, A2C, TRPO, MaskablePPO])
def test_trap_09_on_policy_sharing_is_one_loss_and_stays_allowed(algorithm, folder):
    model = build(
        algorithm,
        folder,
        venv=DummyVecEnv([lambda: NoiseEnv(discrete=True)]),
        share=True,
        settings={"n_steps": 8} if algorithm is A2C else {"n_steps": 8, "batch_size": 8},
        mode="policy",
    )
    assert [copy.trained_by for copy in inspect(model)] == ["policy.optimizer"]


def test_trap_13_encode_once_is_one_pass_a_step_and_none_a_gradient_step(folder, vae, monkeypatch):
    passes: list[int] = []

    def count(owner: type[Any], name: str) -> None:
        original = getattr(owner, name)

        def counted(self: Any, batch: Any) -> Any:
            passes.append(len(batch))
            return original(self, batch)

        monkeypatch.setattr(owner, name, counted)

    count(BetaVAE, "encode_frames")
    count(PolicyEncoder, "forward")
    venv = LatentVecEnv(DummyVecEnv([NoiseEnv] * 2), vae)
    model = SAC("MlpPolicy", venv, policy_kwargs={"net_arch": [8]}, **REPLAY)
    model.learn(20)
    assert model._n_updates == 8  # a gradient step after each step of both, but the first two
    assert passes == [2] + 2 * [2, 2, 2, 2, 4]  # at an episode's end the last frames, too
    passes.clear()
    model = build(SAC, folder, venv=DummyVecEnv([NoiseEnv] * 2)).learn(20)
    assert model._n_updates == 8
    assert passes.count(4) == 5 * 8  # in the policy: five a gradient step


def test_trap_14_what_brings_each_optional_package_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {
        extra: {canonicalize_name(Requirement(line).name) for line in lines}
        for extra, lines in project["optional-dependencies"].items()
    }
    assert extras["progress"] == {"tqdm", "rich"}  # SB3's progress_bar=True
    assert extras["log"] == {"tensorboard"} and extras["contrib"] == {"sb3-contrib"}
    names = {
        "PIL": "pillow",
        "sklearn": "scikit-learn",
        "dm_control": "dm-control",
        "highway_env": "highway-env",
        "rerun": "rerun-sdk",
        "huggingface_hub": "huggingface-hub",
        "torch": "tensorboard",
    }
    found = set(asked_for())
    assert len(found) > 3
    for module, extra in found:
        top = module.partition(".")[0]
        assert names.get(top, top) in extras.get(extra, set()), (module, extra)


def asked_for() -> Iterator[tuple[str, str]]:
    for folder in ("bvae_rl", "agents", "scripts", "envs"):
        for path in (ROOT / folder).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            yield from re.findall(r'require\(\s*"([\w.]+)",\s*extra="(\w+)"', source)


def test_trap_14_a_missing_package_names_its_extra(monkeypatch):
    for module, extra in sorted(set(asked_for())):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            with pytest.raises(ImportError, match=rf'pip install "bvae-rl\[{extra}\]"'):
                require(module, extra=extra)


def test_trap_15_an_id_with_its_module_works_in_a_fresh_process():
    make = EnvConfig(REACH).make
    fresh, here = SubprocVecEnv([make], start_method="spawn"), DummyVecEnv([make])
    try:
        for venv in (fresh, here):
            venv.seed(3)
        assert fresh.observation_space == here.observation_space
        assert np.array_equal(fresh.reset(), here.reset())
        action = np.ones((1, *here.action_space.shape), np.float32)
        assert np.array_equal(fresh.step(action)[0], here.step(action)[0])
    finally:
        fresh.close()
        here.close()


@pytest.mark.parametrize("kind", ["bytes", "camera and arm"])
@pytest.mark.parametrize("algorithm", [PPO, SAC, TD3, DQN])
def test_trap_16_a_zip_names_only_what_can_be_imported(algorithm, kind, folder, tmp_path):
    build(algorithm, folder, kind=kind).save(tmp_path / "model.zip")
    data = json.loads(zipfile.ZipFile(tmp_path / "model.zip").read("data"))
    blobs = [
        base64.b64decode(value[":serialized:"])
        for value in data.values()
        if isinstance(value, dict) and ":serialized:" in value
    ]
    words = [word for blob in blobs for _, word, _ in pickletools.genops(blob)]
    modules = {word for word in words if isinstance(word, str) and word in sys.modules}
    ours = {module for module in modules if module.startswith("bvae_rl")}
    assert ours == {"bvae_rl.sb3.extractor" if kind == "bytes" else "bvae_rl.sb3.combined"}
    assert not modules & {"__main__", __name__}


def test_trap_28_crossq_has_no_image_policy_and_stays_over_latent_vec_env(vae):
    crossq = pytest.importorskip("sb3_contrib").CrossQ
    model = crossq("MlpPolicy", LatentVecEnv(DummyVecEnv([NoiseEnv]), vae), **REPLAY)
    with pytest.raises(ValueError, match=r"CrossQ has no CnnPolicy; .* keep it over LatentVecEnv"):
        to_image_policy(model)


@pytest.mark.parametrize("kind", ["bytes", "camera and arm"])
def test_trap_28_normalised_pictures_are_refused_at_construction(kind, folder, vae):
    venv = VecNormalize(VecTransposeImage(DummyVecEnv([lambda: NoiseEnv(kind)])))
    says = r"is float32 in \[-10, 10\]; .*not wrap pictures in VecNormalize\(norm_obs=True\)"
    with pytest.raises(ValueError, match=says):
        build(PPO, folder, kind=kind, venv=venv)
    with pytest.raises(ValueError, match=says):
        LatentVecEnv(venv, vae)


@pytest.mark.parametrize("kind", ["float", "float camera and arm"])
def test_trap_28_normalised_float_pictures_are_refused_when_they_come(kind, folder, vae):
    def normalised() -> VecEnv:  # the space goes on to say 0..1
        return VecNormalize(DummyVecEnv([lambda: NoiseEnv(kind)]))

    says = r"pixels in \[0, 1\] and got \[-.*do not wrap images in VecNormalize\(norm_obs=True\)"
    model = build(PPO, folder, kind=kind, venv=normalised())
    with pytest.raises(ValueError, match=says):
        model.learn(8)
    latent = LatentVecEnv(normalised(), vae)
    with pytest.raises(ValueError, match=says):
        latent.reset()
        for _ in range(3):
            latent.step(np.zeros((1, 2)))


def moves(model: BaseAlgorithm, vae: BetaVAE) -> dict[str, torch.Tensor]:
    """How far each copy's weights stand from the checkpoint, in one row."""
    base = vae.encoder.state_dict()
    return {
        where: torch.cat([(copy.weights()[name] - base[name]).flatten() for name in base]).detach()
        for where, copy in encoder_copies(model).items()
    }


def heads(model: BaseAlgorithm) -> dict[str, torch.Tensor]:
    named = model.policy.state_dict()
    return {name: part.clone() for name, part in named.items() if "features_extractor" not in name}


@pytest.mark.parametrize("algorithm", [PPO, A2C, SAC])  # Adam, RMSprop, Adam
def test_trap_29_the_step_size_scales_the_encoders_update_and_no_head(algorithm, folder, vae):
    steps, _ = ONE_STEP[algorithm]
    whole = build(algorithm, folder, mode="policy")
    before = heads(whole)
    whole.learn(steps)
    tenth = build(algorithm, folder, mode="policy", step_size=0.1).learn(steps)
    expected, actual = moves(whole, vae), moves(tenth, vae)
    for where, move in expected.items():
        assert move.abs().max() > 1e-6, where
        if where == "actor":  # its loss comes after the critic's step, through the critic
            continue
        torch.testing.assert_close(actual[where], 0.1 * move, rtol=0.01, atol=1e-7)
    first, second = heads(whole), heads(tenth)
    assert any(not torch.equal(first[name], before[name]) for name in before)
    for name in first:
        if not name.startswith("actor"):
            torch.testing.assert_close(first[name], second[name], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("algorithm", "later"), [(SAC, 0), (TD3, 0), (DQN, 1)])
def test_trap_29_target_copies_follow_by_polyak(algorithm, later, folder, vae):
    found = []
    for steps in (5, 5 + later):  # DQN's target takes its step before the next gradient step
        model = build(algorithm, folder, mode="policy", step_size=0.5, settings={"tau": 0.25})
        model.learn(steps)
        found.append(moves(model, vae))
    first, last = found
    targets = {where for where in last if "target" in where}
    assert len(targets) == {SAC: 1, TD3: 2, DQN: 1}[algorithm]
    for where in targets:
        followed = first[where.replace("_target", "")]
        assert followed.abs().max() > 1e-6
        torch.testing.assert_close(last[where], 0.25 * followed, rtol=0.01, atol=1e-7)


TRAINERS = {
    (PPO, True): {"features_extractor": "policy.optimizer"},
    (PPO, False): {
        "features_extractor": "policy.optimizer",  # the actor's
        "vf_features_extractor": "policy.optimizer",
    },
    (SAC, None): {
        "actor.features_extractor": "actor.optimizer",
        "critic.features_extractor": "critic.optimizer",
        "critic_target.features_extractor": "Polyak average",
    },
    (TD3, None): {
        "actor.features_extractor": "actor.optimizer",
        "actor_target.features_extractor": "Polyak average",
        "critic.features_extractor": "critic.optimizer",
        "critic_target.features_extractor": "Polyak average",
    },
    (DQN, None): {
        "q_net.features_extractor": "policy.optimizer",
        "q_net_target.features_extractor": "Polyak average",
    },
}


@pytest.mark.parametrize(("algorithm", "share"), TRAINERS)
def test_trap_29_inspect_names_who_trains_each_copy(algorithm, share, folder, capsys):
    model = build(algorithm, folder, share=share, mode="policy")
    assert {copy.moved for copy in inspect(model)} == {False}
    copies = inspect(model.learn(8))
    assert {copy.where: copy.trained_by for copy in copies} == TRAINERS[algorithm, share]
    assert {copy.moved for copy in copies} == {True}
    printed = capsys.readouterr().out
    assert all(f"{where} " in printed for where in TRAINERS[algorithm, share])
    for mode, trainer in (("frozen", "nobody"), ("online", "OnlineBetaVAE, given to learn()")):
        others = inspect(build(algorithm, folder, share=share, mode=mode))
        assert {copy.trained_by for copy in others} == {trainer}
