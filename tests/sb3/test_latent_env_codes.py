"""Codes know what made them: everything that would read them as another encoder's is refused."""

from __future__ import annotations

import pickle
from functools import partial
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecMonitor, VecNormalize

from bvae_rl.agents.evaluate import LoadedAgent
from bvae_rl.models.pca import PCAEncoder
from bvae_rl.sb3 import (
    CheckCodes,
    Codes,
    LatentVecEnv,
    OnlineBetaVAE,
    check_codes,
    load_replay_buffer,
    policy_kwargs,
    to_image_policy,
    to_latent_policy,
)
from bvae_rl.training.fine_tune import FineTuneConfig
from bvae_rl.training.schedules import Constant
from tests.plug_cases import NoiseEnv, build, make_env, make_vae, noise

TUNE = FineTuneConfig(gradient_steps=2, batch_size=16, learning_rate=1e-2, max_move=1.0)


@pytest.fixture
def folder(tmp_path):
    return make_vae().save(tmp_path / "vae")


def over(vae: Any, form: str = "bytes", **options: Any) -> Any:
    return LatentVecEnv(make_env(form, discrete=options.pop("discrete", False)), vae, **options)


def test_equal_encoders_choices_and_scalings_have_equal_names(folder):
    spaces = [over(folder), over(str(folder)), over(make_vae()), over(folder, latents="content")]
    assert len({env.codes for env in spaces}) == 1
    assert all(env.observation_space == spaces[0].observation_space for env in spaces)
    others = [
        over(make_vae(1)),
        over(folder, latents="style"),
        over(folder, latents="all"),
        over(folder, standardise=False),
    ]
    assert len({env.codes for env in [*others, spaces[0]]}) == 5
    same_width = over(make_vae(1)).observation_space
    assert same_width.shape == spaces[0].observation_space.shape
    assert same_width != spaces[0].observation_space  # both ways round
    assert spaces[0].observation_space != same_width
    assert over(folder, "dict").observation_space == over(folder, "dict").observation_space
    assert over(folder, "dict").observation_space != over(make_vae(1), "dict").observation_space


def test_an_encoder_for_each_picture_is_named_under_its_key(folder):
    both = {"wrist": str(folder), "front": make_vae(1)}
    swapped = {"wrist": make_vae(1), "front": str(folder)}
    env, other = over(both, "dict"), over(swapped, "dict")
    assert env.observation_space == over(both, "dict").observation_space
    assert env.observation_space != other.observation_space
    model = build(PPO, env)
    with pytest.raises(
        ValueError, match=r"give it LatentVecEnv\(venv, \{'wrist': '.*vae', 'front': <BetaVAE>"
    ):
        check_codes(model, other)
    with pytest.raises(ValueError, match="joins a policy with one encoder"):
        to_image_policy(model)


def test_codes_of_the_last_observations_are_named_too(folder, tmp_path):
    model = build(PPO, over(folder, frame_stack=2))
    assert model.observation_space.codes == f"{over(folder).codes} of 2 frames"
    model.save(tmp_path / "agent.zip")
    PPO.load(tmp_path / "agent.zip", over(make_vae(), frame_stack=2))
    with pytest.raises(ValueError, match="do not match: Codes"):
        PPO.load(tmp_path / "agent.zip", over(make_vae(1), frame_stack=2))
    with pytest.raises(ValueError, match="a distance of single codes, got frame_stack=2"):
        LatentVecEnv(goals(), folder, frame_stack=2, reward="latent_distance")


def goals() -> Any:
    picture = gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)
    env = NoiseEnv()
    env.observation_space = gym.spaces.Dict(
        observation=picture, achieved_goal=picture, desired_goal=picture
    )
    return DummyVecEnv([lambda: env])


def test_another_scaling_of_the_same_weights_has_another_name():
    vae = make_vae()
    name = over(vae).codes
    vae.meta["statistics"]["std"] = [2.0 * s for s in vae.meta["statistics"]["std"]]
    assert over(vae).codes != name and over(vae).codes.split("/")[0] == name.split("/")[0]


def test_encoders_that_are_no_vae_are_told_apart():
    rng = np.random.default_rng(0)
    first, second = (PCAEncoder.fit(noise(rng, 20), 4, seed=0) for _ in range(2))
    assert over(first).codes == over(first).codes != over(second).codes


def test_a_plain_box_as_in_older_zips_fits_both_ways(folder, tmp_path):
    env = over(folder)
    plain = gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)
    assert plain == env.observation_space and env.observation_space == plain
    assert gym.spaces.Box(-1, 1, (3,), np.float32) != env.observation_space
    model = build(PPO, env)
    model.observation_space = plain
    model.save(tmp_path / "old.zip")
    loaded = PPO.load(tmp_path / "old.zip", over(folder))
    loaded.learn(16)


def test_the_name_survives_pickling_and_wrappers(folder):
    env = over(folder)
    there = pickle.loads(pickle.dumps(env.observation_space))
    assert isinstance(there, Codes) and there == env.observation_space
    assert there.codes == env.codes and there.made_by == env.made_by()
    above: Any = VecNormalize(VecMonitor(env), norm_obs=False)
    assert above.observation_space.codes == env.codes


REFUSED = r"Observation spaces do not match: .*needs LatentVecEnv\(venv, '.*vae', latents='co"


@pytest.mark.parametrize("form", ["bytes", "dict"])
def test_sb3_refuses_an_agent_on_other_codes_and_says_which_it_needs(form, folder, tmp_path):
    model = build(PPO, over(folder, form))
    model.save(tmp_path / "agent.zip")
    for other in (over(make_vae(1), form), VecMonitor(over(folder, form, standardise=False))):
        with pytest.raises(ValueError, match=REFUSED):
            PPO.load(tmp_path / "agent.zip", other)
        with pytest.raises(ValueError, match=REFUSED):
            model.set_env(other)
    model.set_env(VecMonitor(over(folder, form)))
    again = PPO.load(tmp_path / "agent.zip", VecMonitor(over(folder, form)))
    seen = again.get_env().reset()
    acts = [one.predict(seen, deterministic=True)[0] for one in (model, again)]
    assert np.array_equal(*acts)


def test_a_replay_buffer_of_other_codes_is_refused(folder, tmp_path):
    sac = build(SAC, over(make_vae(1))).learn(16)
    sac.save_replay_buffer(tmp_path / "buffer.pkl")
    model = build(SAC, over(folder))
    before = model.replay_buffer
    says = r"replay buffer holds .*; give it LatentVecEnv\(venv, '.*vae', latents='content'"
    with pytest.raises(ValueError, match=says):
        load_replay_buffer(model, tmp_path / "buffer.pkl")
    assert model.replay_buffer is before
    model.load_replay_buffer(tmp_path / "buffer.pkl")  # SB3 asks nothing
    with pytest.raises(ValueError, match=says):
        model.learn(8, callback=CheckCodes())
    assert model.num_timesteps == 0
    own = build(SAC, over(make_vae(1)))
    load_replay_buffer(own, tmp_path / "buffer.pkl")
    assert own.replay_buffer.size() == 8
    own.learn(8, callback=CheckCodes())


def test_evaluating_on_other_codes_is_refused(folder):
    model = build(PPO, VecMonitor(over(folder)))
    check_codes(model, VecMonitor(over(make_vae())))
    check_codes(model.policy, make_env())  # no codes, no question
    with pytest.raises(ValueError, match="the environment shows"):
        check_codes(model, VecMonitor(over(make_vae(1))))
    evaluation = EvalCallback(VecMonitor(over(make_vae(1))), eval_freq=4, verbose=0)
    with pytest.raises(ValueError, match="the environment shows"):
        model.learn(8, callback=[CheckCodes(), evaluation])
    good = EvalCallback(VecMonitor(over(folder)), eval_freq=4, verbose=0, n_eval_episodes=1)
    model.learn(8, callback=[CheckCodes(), good])


def test_an_agents_folder_with_another_encoder_is_not_evaluated(folder):
    model = build(PPO, over(folder))
    shown: Any = SimpleNamespace(vec=lambda n, seed: make_env(n=n))
    view: Any = SimpleNamespace(observe=lambda venv, vae, stack: LatentVecEnv(venv, vae))
    played = LoadedAgent(model, view, make_vae(), {}).play(shown, 2, seed=0)
    assert played.returns.shape == (2,)
    with pytest.raises(ValueError, match="the environment shows"):
        LoadedAgent(model, view, make_vae(1), {}).play(shown, 2, seed=0)


def test_codes_that_the_agents_space_does_not_name_are_those_of_its_environment(folder):
    stacked = build(PPO, VecFrameStack(over(folder), 2))
    older = build(PPO, over(folder))
    older.observation_space = gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)
    for model, above in ((stacked, lambda env: VecFrameStack(env, 2)), (older, VecMonitor)):
        check_codes(model, above(over(make_vae())))
        with pytest.raises(ValueError, match="the environment shows"):
            check_codes(model, above(over(make_vae(1))))
    with pytest.raises(ValueError, match="latent_env shows"):
        to_image_policy(older, over(make_vae(1)))


def test_joining_with_another_encoder_is_refused(folder):
    model = build(PPO, over(folder))
    with pytest.raises(ValueError, match=r"latent_env shows .*; give it LatentVecEnv\(venv, '"):
        to_image_policy(model, over(make_vae(1)))
    joined = to_image_policy(model, over(make_vae()))
    apart = to_latent_policy(joined)  # encodes by the policy's own module: the same codes
    assert apart.get_env().codes == model.get_env().codes


def test_an_encoder_that_moved_fills_no_buffer(folder):
    vae = make_vae()
    model = build(SAC, over(vae)).learn(8)
    with torch.no_grad():
        for weight in vae.encoder.parameters():
            weight.mul_(1.0)  # written, and the same
    model.learn(8, reset_num_timesteps=False)
    with torch.no_grad():
        next(vae.encoder.parameters()).mul_(1.01)
    assert model.get_env().moved
    for attempt in (partial(model.learn, 8), partial(to_image_policy, model)):
        with pytest.raises(ValueError, match=r"has moved since it was made.*make a new LatentVec"):
            attempt()
    with pytest.raises(ValueError, match="has moved since"):
        check_codes(model, model.get_env())


class Evaluate(EvalCallback):
    """Keeps the codes that it evaluated on."""

    def _on_step(self) -> bool:
        space: Any = self.eval_env.observation_space
        self.names = [*getattr(self, "names", []), space.codes]
        return super()._on_step()


def online(vae: Any, **more: Any) -> OnlineBetaVAE:
    return OnlineBetaVAE(vae, beta=Constant(1.0), train_freq=8, config=TUNE, **more)


def test_fine_tuning_renews_the_environments_for_evaluation(folder, tmp_path):
    model = build(PPO, VecMonitor(over(folder)))
    envs: list[Any] = [VecMonitor(over(folder)) for _ in range(2)]
    found, given = envs
    evaluation = Evaluate(found, eval_freq=4, verbose=0, n_eval_episodes=1)
    run = online(folder, eval_envs=given, out=tmp_path / "run", save_freq=16)
    first = model.get_env().observation_space.codes
    model.learn(48, callback=[run, evaluation])
    assert len(run.history) == 2 and len(set(evaluation.names)) == 3
    frames = noise(np.random.default_rng(0), 5)
    expected = model.get_env().venv.encode(frames)
    for env in envs:
        assert np.array_equal(env.venv.encode(frames), expected)
        assert env.observation_space.codes == model.observation_space.codes != first
        check_codes(model, env)
    with pytest.raises(ValueError, match=r"the agent was trained on .*run/vae-48"):
        check_codes(model, over(folder))

    # the model is loaded with the VAE that was saved beside it, and with no other
    with pytest.raises(ValueError, match=r"needs LatentVecEnv\(venv, '.*run/vae-48'"):
        PPO.load(tmp_path / "run" / "model-48.zip", over(folder))
    again = PPO.load(tmp_path / "run" / "model-48.zip", over(tmp_path / "run" / "vae-48"))
    last = online(folder, out=tmp_path / "run", save_freq=16)
    again.learn(32, callback=last, reset_num_timesteps=False)
    assert last.history and again.observation_space == again.get_env().observation_space
    assert again.get_env().codes != model.observation_space.codes
    again.save(tmp_path / "again.zip")
    PPO.load(tmp_path / "again.zip", over(tmp_path / "run" / "vae"))


def test_fine_tuning_refuses_evaluation_that_it_cannot_keep_in_step(folder):
    model = build(PPO, over(folder))
    with pytest.raises(ValueError, match="the environment shows"):
        model.learn(16, callback=online(folder, eval_envs=[over(make_vae(1))]))
    with pytest.raises(ValueError, match="evaluation is no LatentVecEnv; wrap it: LatentVecEnv"):
        model.learn(16, callback=online(folder, eval_envs=[make_env()]))
    assert model.num_timesteps == 0


def test_an_environment_that_shares_the_moving_vae_unnamed_refuses_to_go_on():
    vae = make_vae()
    model, unknown = build(PPO, over(vae)), over(vae)
    unknown.reset()
    model.learn(32, callback=online(make_vae()))
    with pytest.raises(ValueError, match="name this environment in eval_envs"):
        unknown.reset()
    with pytest.raises(ValueError, match=r"LatentVecEnv\(venv, online.save_vae\(folder\), latents"):
        check_codes(model, over(make_vae()))


def test_off_policy_over_pictures_is_left_alone(folder):
    kwargs = policy_kwargs(folder, net_arch=[8])
    model = build(DQN, make_env(discrete=True), **kwargs)
    check_codes(model, make_env(discrete=True))
