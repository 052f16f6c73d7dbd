"""A hardened encoder beneath a policy of codes: old scaling, new name, in env, model and zip."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.callbacks import BaseCallback, EvalCallback
from stable_baselines3.common.vec_env import VecMonitor, VecNormalize

from bvae_rl import check_codes, swap_encoder
from bvae_rl.models.digest import teachers_of
from bvae_rl.models.pca import PCAEncoder
from bvae_rl.sb3 import CheckCodes, LatentVecEnv, inspect, load_replay_buffer, to_image_policy
from bvae_rl.sb3.check_codes import agents_codes
from tests.plug_cases import build, make_env, make_vae, noise
from tests.swap_cases import pair, scaled, student_of

FRAMES = noise(np.random.default_rng(5), 6)


def over(vae: Any, form: str = "bytes", **options: Any) -> Any:
    return LatentVecEnv(make_env(form), vae, **options)


def codes_of(model: Any) -> str:
    space: Any = agents_codes(model)
    return space.codes


@pytest.mark.parametrize("stack", [1, 2])
@pytest.mark.parametrize("algorithm", [PPO, SAC])
def test_statistics_belong_to_the_policy(algorithm, stack, tmp_path):
    teacher, student = pair()
    env = over(teacher, frame_stack=stack)
    model = build(algorithm, VecMonitor(env)).learn(16)
    before, weights = env.codes, [p.clone() for p in model.policy.parameters()]
    swapped = swap_encoder(model, student)

    expected = scaled(teacher, student, FRAMES)
    np.testing.assert_allclose(env.encode(FRAMES), expected, rtol=1e-5, atol=1e-5)
    assert all(np.array_equal(a.detach(), b.detach()) for a, b in zip(
        weights, model.policy.parameters(), strict=True))  # fmt: skip
    assert model.observation_space.codes == env.codes != before
    first, scaling = before.split("/")
    assert env.codes.split("/") == [env.codes.split("/")[0], scaling] and first not in env.codes
    (copy,) = inspect(model)
    assert (copy.checkpoint, copy.moved) == ("TakenEncoder", False)

    folder = swapped.save(tmp_path / "encoder")
    model.save(tmp_path / "agent.zip")
    again = over(folder, frame_stack=stack)
    assert again.codes == env.codes
    with pytest.raises(ValueError, match="Observation spaces do not match"):
        algorithm.load(tmp_path / "agent.zip", env=over(teacher, frame_stack=stack))
    with pytest.raises(ValueError, match="the agent was trained on the codes"):
        check_codes(model, over(student, frame_stack=stack))  # its own statistics are not meant
    loaded = algorithm.load(tmp_path / "agent.zip", env=VecMonitor(again))
    evaluated = EvalCallback(
        VecMonitor(over(folder, frame_stack=stack)), n_eval_episodes=1, eval_freq=8
    )
    for one in (model, loaded):
        one.learn(24, reset_num_timesteps=False, callback=[CheckCodes(), evaluated])
    np.testing.assert_allclose(again.encode(FRAMES), expected, rtol=1e-5, atol=1e-5)


class Starts(BaseCallback):
    """Keeps what the agent sees first in each rollout, and of which pictures."""

    def _on_rollout_start(self) -> None:
        env = self.training_env
        assert isinstance(env, LatentVecEnv)
        self.seen = [*getattr(self, "seen", []), (self.model._last_obs, env.raw)]

    def _on_step(self) -> bool:
        return True


def test_the_next_learning_starts_from_codes_of_the_new_encoder():
    teacher, student = pair()
    model, starts = build(PPO, over(teacher)).learn(8), Starts()
    swap_encoder(model, student)
    model.learn(8, reset_num_timesteps=False, callback=starts)
    ((seen, pictures),) = starts.seen
    np.testing.assert_allclose(seen, scaled(teacher, student, pictures), rtol=1e-5, atol=1e-5)
    assert model.rollout_buffer.episode_starts[0].all()


def test_a_replay_buffer_keeps_its_codes_and_says_so(tmp_path, caplog):
    teacher, student = pair()
    model = build(SAC, over(teacher)).learn(16)
    model.save_replay_buffer(tmp_path / "before.pkl")
    load_replay_buffer(model, tmp_path / "before.pkl")  # with a space of its own
    held = model.replay_buffer.observations.copy()
    with caplog.at_level(logging.WARNING, logger="bvae_rl"):
        swapped = swap_encoder(model, student)
    assert "keeps 8 transitions with codes that the earlier encoder made" in caplog.text
    assert np.array_equal(model.replay_buffer.observations, held)
    model.learn(8, reset_num_timesteps=False, callback=CheckCodes())
    model.save_replay_buffer(tmp_path / "after.pkl")
    load_replay_buffer(model, tmp_path / "after.pkl")
    with pytest.raises(ValueError, match="the replay buffer holds"):
        load_replay_buffer(model, tmp_path / "before.pkl")
    loaded = build(SAC, over(swapped))
    load_replay_buffer(loaded, tmp_path / "after.pkl")


def test_pictures_and_vectors_and_an_encoder_for_each_picture(tmp_path):
    (front, student), wrist = pair(), make_vae(1)
    env = over({"front": front, "wrist": wrist}, "dict")
    model = build(SAC, env).learn(16)
    with pytest.raises(ValueError, match=r"got key=None, .* encoders of: 'front', 'wrist'"):
        swap_encoder(model, student)
    swapped = swap_encoder(model, student, key="front")
    shown = env.encode({"front": FRAMES, "wrist": FRAMES, "arm": None, "goal": None})
    np.testing.assert_allclose(shown["front"], scaled(front, student, FRAMES), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(shown["wrist"], scaled(wrist, wrist, FRAMES), rtol=1e-5, atol=1e-5)
    model.save(tmp_path / "agent.zip")
    again = SAC.load(tmp_path / "agent.zip", env=over({"front": swapped, "wrist": wrist}, "dict"))
    again.learn(8, reset_num_timesteps=False)

    shared = over(front, "dict")
    swap_encoder(build(PPO, shared), student)
    shown = shared.encode({"front": FRAMES, "wrist": FRAMES, "arm": None, "goal": None})
    np.testing.assert_allclose(shown["wrist"], scaled(front, student, FRAMES), rtol=1e-5, atol=1e-5)


def test_a_model_without_an_environment_is_given_that_of_its_codes(tmp_path):
    teacher, student = pair()
    build(PPO, over(teacher)).save(tmp_path / "agent.zip")
    model: Any = PPO.load(tmp_path / "agent.zip")
    with pytest.raises(ValueError, match="load it with env=LatentVecEnv"):
        swap_encoder(model, student)
    with pytest.raises(ValueError, match="and its environment shows"):
        swap_encoder(model, student, latent_env=over(make_vae(1)))
    env = over(teacher)
    swapped = swap_encoder(model, student, latent_env=env)
    model.set_env(over(swapped))
    assert model.observation_space.codes == env.codes == model.get_env().codes
    with pytest.raises(ValueError, match="leave latent_env out"):
        swap_encoder(model, student, latent_env=env)


def test_hardened_again_from_the_same_teacher_or_from_the_last_student():
    teacher, student = pair()
    for longer in (student_of(teacher, seed=8), student_of(student)):
        model = build(PPO, over(teacher))
        swap_encoder(model, student)
        swap_encoder(model, longer)
        np.testing.assert_allclose(
            model.get_env().encode(FRAMES), scaled(teacher, longer, FRAMES), rtol=1e-5, atol=1e-5
        )


def test_an_agent_takes_a_student_of_a_student_of_its_encoder():
    teacher, student = pair()
    grandchild = student_of(student)
    with pytest.raises(ValueError, match="hardened from another one"):
        swap_encoder(build(PPO, over(teacher)), grandchild)  # of which nobody wrote down the first
    grandchild.meta["hardened"]["earlier_teachers"] = sorted(teachers_of(student.meta))
    model = build(PPO, over(teacher))
    swap_encoder(model, grandchild)
    np.testing.assert_allclose(
        model.get_env().encode(FRAMES), scaled(teacher, grandchild, FRAMES), rtol=1e-5, atol=1e-5
    )


def test_strangers_and_other_encoders_are_refused():
    teacher, student = pair()
    model = build(PPO, VecNormalize(over(teacher)))
    codes = codes_of(model)
    for vae, message in (
        (make_vae(1), "was not hardened"),
        (student_of(make_vae(1)), "hardened from another one"),
    ):
        with pytest.raises(ValueError, match=message):
            swap_encoder(model, vae)
    assert codes_of(model) == codes
    swap_encoder(model, student_of(make_vae(1)), any_teacher=True)
    assert codes_of(model) != codes
    principal = build(PPO, over(PCAEncoder.fit(FRAMES, 4, seed=0)))
    with pytest.raises(ValueError, match="the agent's codes are those of PCAEncoder, and only a"):
        swap_encoder(principal, student)


def test_a_swapped_agent_is_joined_to_one_on_pictures():
    teacher, student = pair()
    model = build(PPO, over(teacher))
    swap_encoder(model, student)
    codes = model.predict(model.get_env().encode(FRAMES), deterministic=True)[0]
    joined = to_image_policy(model)
    np.testing.assert_allclose(
        joined.predict(FRAMES, deterministic=True)[0], codes, rtol=1e-5, atol=1e-5
    )
