"""More traps of Stable-Baselines3, a regression test each; the first ones: ``test_traps.py``.

09 the actor's loss alone, 13 passes of the encoder, 14 optional packages, 15 fresh processes,
16 classes in ``__main__``, 28 CrossQ and normalised pictures; 29: ``test_traps_step_size.py``.
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
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sb3_contrib import TRPO, MaskablePPO
from stable_baselines3 import A2C, DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecEnv,
    VecNormalize,
    VecTransposeImage,
)

from bvae_rl.data.environments import EnvConfig
from bvae_rl.models.vae import BetaVAE
from bvae_rl.runtime.optional import require
from bvae_rl.sb3 import (
    LatentVecEnv,
    inspect,
    to_image_policy,
)
from bvae_rl.sb3.policy_encoder import PolicyEncoder
from tests.plug_cases import NoiseEnv
from tests.trap_cases import REPLAY, build, small_vae

ROOT = Path(__file__).resolve().parents[2]
REACH = "bvae_rl.envs:bvae_rl/PlanarReach-v0"


@pytest.fixture
def vae() -> BetaVAE:
    return small_vae()


@pytest.fixture
def folder(vae: BetaVAE, tmp_path: Path) -> Path:
    return vae.save(tmp_path / "vae")


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
