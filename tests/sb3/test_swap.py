"""A hardened encoder in a policy of pictures: its statistics stay, in every copy and zip."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO, SAC

from bvae_rl import swap_encoder
from bvae_rl.models.pca import PCAEncoder
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.sb3 import (
    BetaVAECombinedExtractor,
    LatentVecEnv,
    OwnEncoder,
    inspect,
    load_encoder,
    policy_kwargs,
    take_encoder,
)
from bvae_rl.sb3.copies import encoder_copies
from tests.plug_cases import CONFIG, build, make_env, make_vae, noise
from tests.swap_cases import pair, scaled, student_of

FRAMES = noise(np.random.default_rng(5), 6)


def agent(algorithm, vae, form="bytes", **options):
    return build(algorithm, make_env(form), **policy_kwargs(vae, net_arch=[8], **options))


@pytest.mark.parametrize("given", ["folder", "memory"])
@pytest.mark.parametrize("algorithm", [PPO, SAC])
def test_statistics_belong_to_the_policy(algorithm, given, tmp_path):
    teacher, student = pair()
    model = agent(algorithm, teacher.save(tmp_path / "vae") if given == "folder" else teacher)
    heads = {k: v.clone() for k, v in model.policy.state_dict().items() if "encoder" not in k}
    swapped = swap_encoder(model, student.save(tmp_path / "hardened"))

    expected = scaled(teacher, student, FRAMES)
    own = (student.encode_frames(FRAMES)[:, :3] - 5.0) / 3.0
    assert np.abs(expected - own).max() > 0.1  # so that the next line can fail
    for copy in encoder_copies(model).values():
        np.testing.assert_allclose(copy.encode_frames(FRAMES), expected, rtol=1e-5, atol=1e-5)
    assert all(torch.equal(v, model.policy.state_dict()[k]) for k, v in heads.items())
    assert all(not c.moved and c.checkpoint == "memory" for c in inspect(model))

    acts = model.predict(FRAMES, deterministic=True)[0]
    model.save(tmp_path / "agent.zip")
    for vae in ("vae", "hardened"):  # neither folder is needed
        if (tmp_path / vae).exists():
            (tmp_path / vae).rename(tmp_path / f"gone_{vae}")
    loaded = algorithm.load(tmp_path / "agent.zip", make_env())
    assert np.array_equal(loaded.predict(FRAMES, deterministic=True)[0], acts)
    loaded.learn(16, reset_num_timesteps=False)
    for copy in encoder_copies(loaded).values():
        np.testing.assert_allclose(copy.encode_frames(FRAMES), expected, rtol=1e-5, atol=1e-5)
    assert all(not c.moved for c in inspect(loaded))
    for encoder in (swapped, take_encoder(loaded)):
        codes = LatentVecEnv(make_env(), encoder).encode(FRAMES)
        np.testing.assert_allclose(codes, expected, rtol=1e-5, atol=1e-5)


def test_a_policy_that_does_not_standardise_reads_bare_means():
    teacher, student = pair()
    model = agent(PPO, teacher, standardise=False, latents="all")
    assert swap_encoder(model, student).statistics() is None
    (copy,) = encoder_copies(model).values()
    np.testing.assert_allclose(copy.encode_frames(FRAMES), student.encode_frames(FRAMES), atol=1e-6)


def test_one_encoder_for_each_picture_of_a_dict_is_swapped_by_its_key(tmp_path):
    (front, student), wrist = pair(), make_vae(1)
    kwargs = {"extractor": BetaVAECombinedExtractor, "net_arch": [8]}
    model = build(
        SAC, make_env("dict"), **policy_kwargs({"front": front, "wrist": wrist}, **kwargs)
    )
    with pytest.raises(ValueError, match="got key=None, and this policy has encoders of: 'front'"):
        swap_encoder(model, student)
    with pytest.raises(ValueError, match="hardened from another one"):
        swap_encoder(model, student, key="wrist")
    swap_encoder(model, student, key="front")
    model.save(tmp_path / "agent.zip")
    for one in (model, SAC.load(tmp_path / "agent.zip")):
        for where, copy in encoder_copies(one).items():
            theirs = (front, student) if where.endswith("front") else (wrist, wrist)
            np.testing.assert_allclose(
                copy.encode_frames(FRAMES), scaled(*theirs, FRAMES), rtol=1e-5, atol=1e-5
            )

    both = build(PPO, make_env("dict"), **policy_kwargs(front, **kwargs))  # one for all pictures
    swap_encoder(both, student)
    for copy in encoder_copies(both).values():
        np.testing.assert_allclose(
            copy.encode_frames(FRAMES), scaled(front, student, FRAMES), rtol=1e-5, atol=1e-5
        )


def test_only_a_student_of_the_agents_own_encoder_is_taken(tmp_path):
    teacher, student = pair()
    folder = teacher.save(tmp_path / "vae")
    model = agent(PPO, folder)
    with pytest.raises(ValueError, match=r"was not hardened: .* harden the agent's own VAE"):
        swap_encoder(model, make_vae(1))
    stranger = student_of(make_vae(1))
    with pytest.raises(ValueError, match=r"from another one \(.*insist with any_teacher=True"):
        swap_encoder(model, stranger)
    swap_encoder(model, stranger, any_teacher=True)
    (copy,) = encoder_copies(model).values()
    np.testing.assert_allclose(
        copy.encode_frames(FRAMES), scaled(teacher, stranger, FRAMES), rtol=1e-5, atol=1e-5
    )

    by_weights = student_of(teacher, hardened=False)  # its config names the whole VAE alone
    swap_encoder(agent(PPO, folder), by_weights)
    with pytest.raises(ValueError, match="from another one"):
        swap_encoder(agent(PPO, teacher), by_weights)  # a policy in memory knows its encoder alone
    other = agent(PPO, folder)
    make_vae(2).save(folder)  # the folder holds another VAE by now
    with pytest.raises(ValueError, match="from another one"):
        swap_encoder(other, by_weights)
    swap_encoder(other, student)


def test_an_encoder_that_the_reward_has_moved_is_no_teacher_any_more():
    teacher, student = pair()
    model = agent(PPO, teacher, mode="policy")
    swap_encoder(model, student)
    model.learn(16)
    with pytest.raises(ValueError, match="from another one"):
        swap_encoder(model, student)


def test_what_does_not_fit_is_refused_and_changes_nothing():
    teacher, student = pair()
    model = agent(PPO, teacher)
    before = {k: v.clone() for k, v in model.policy.state_dict().items()}
    for vae, error, message in (
        (BetaVAE(replace(CONFIG, hidden=32)), ValueError, "hidden 16, not 32; for another archit"),
        (
            BetaVAE(replace(CONFIG, groups={"content": (0, 2), "style": (2, 4)})),
            ValueError, "latents 'content' at",
        ),
        (BetaVAE(replace(CONFIG, channel_order="BGR")), ValueError, "channel_order RGB, not BGR"),
        (PCAEncoder.fit(FRAMES, 4, seed=0), TypeError, "takes a VAE or its encoder, got PCAEnc"),
    ):  # fmt: skip
        with pytest.raises(error, match=message):
            swap_encoder(model, vae, any_teacher=True)
    assert all(torch.equal(v, model.policy.state_dict()[k]) for k, v in before.items())
    with pytest.raises(ValueError, match="build the model with policy_kwargs"):
        swap_encoder(PPO("MlpPolicy", make_env()), student)
    own = OwnEncoder(lambda x: x.mean((2, 3)), shape=CONFIG.shape, width=3)
    with pytest.raises(ValueError, match="an encoder of your own stays frozen"):
        swap_encoder(agent(PPO, own), student)


def test_an_encoder_of_other_pictures_is_not_put_into_an_agent() -> None:
    def of(native: Any) -> BetaVAE:
        vae = BetaVAE(VAEConfig(shape=(3, 32, 32), latent_dim=2, channels=(4, 4, 4), native=native))
        vae.meta["statistics"] = {"mean": [0.0] * 2, "std": [1.0] * 2}
        return vae

    model = build(PPO, make_env(), **policy_kwargs(of((3, 64, 64)), net_arch=[8]))
    with pytest.raises(ValueError, match=r"native \(3, 64, 64\), not None"):
        load_encoder(model, of(None))
