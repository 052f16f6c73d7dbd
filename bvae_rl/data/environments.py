"""Environments by id: how every command and worker builds the same one.

An id may name its module first (``"bvae_rl.envs:bvae_rl/PlanarReach-v0"``), as gymnasium allows, so
that it works in a fresh process. ``domain`` is handed to the environment only when it is given.
"""

from __future__ import annotations

import warnings
from ast import Call, Name, literal_eval, parse
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, get_args

import gymnasium as gym
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from bvae_rl.data.known_packages import import_home, known_package
from bvae_rl.data.pictures.frame_layout import FrameLayout
from bvae_rl.data.pictures.framed import checked, drawn, framed, native_in
from bvae_rl.data.pictures.layouts import Wanted, stacked_in
from bvae_rl.data.pictures.resize import check_size

if TYPE_CHECKING:
    from bvae_rl.data.envpool.environments import Made
Backend = Literal["gymnasium", "envpool"]


@dataclass(frozen=True)
class EnvConfig:
    """A gymnasium id and what is made of it, wrapper by wrapper, in any process.

    ``wrappers``: as ``module:Class`` or ``module:Class(size=(64, 64))``, applied in order; values
    are Python literals. ``domain`` goes to the environment, or to the first wrapper that takes an
    argument ``domain``. ``kwargs``: further arguments of the environment, as NAME=VALUE (a Python
    literal or a word). ``pixels``: the environment draws itself, below the wrappers (its state
    is not seen). ``frame_skip``: each action acts for so many steps.

    How its pictures are read: ``key`` in a Dict observation, ``size`` (H, W) and ``grey`` of the
    frames, ``stacked`` where observations hold several frames and no wrapper tells.
    ``frame_stack``: how many observations an agent sees at once.

    ``backend``: "envpool" runs it in C++ (``data/envpool``), without wrappers; ``id`` is EnvPool's,
    or that of a world that EnvPool draws, and ``kwargs`` are EnvPool's options.
    """

    id: str
    wrappers: tuple[str, ...] = ()
    domain: str | None = None
    kwargs: tuple[str, ...] = ()
    pixels: bool = False
    frame_skip: int = 1
    key: str | None = None
    size: tuple[int, int] | None = None
    grey: bool = False
    stacked: int | None = None
    frame_stack: int = 1
    backend: Backend = "gymnasium"

    def __post_init__(self) -> None:
        check_counts(self, "frame_skip", "frame_stack", "stacked")
        if self.backend not in get_args(Backend):
            raise ValueError(f"backend is gymnasium or envpool, got {self.backend!r}")
        if self.backend == "envpool" and self.wrappers:
            raise ValueError(
                f"EnvPool runs environments in C++, without wrappers ({', '.join(self.wrappers)}): "
                "say size, grey, key, frame_skip or pixels instead (--size, --grey, ...), its "
                "options with kwargs (--env-kwargs), or leave out --backend envpool"
            )
        if self.size is not None:
            object.__setattr__(self, "size", check_size(self.size))

    @property
    def reading(self) -> dict[str, Any]:
        """How its pictures are read, for ``FrameLayout.of``; without what is the default."""
        found = {name: getattr(self, name) for name in ("key", "size", "grey", "stacked")}
        return {name: value for name, value in found.items() if value}

    def identity(self) -> dict[str, Any]:
        """What a run in it depends on; without newer settings at their default."""
        own = ("id", "wrappers", "domain", "kwargs")
        return {
            item.name: value
            for item in fields(self)
            if (value := getattr(self, item.name)) != item.default or item.name in own
        }

    def described(self) -> dict[str, Any]:
        """What its frames depend on, for a store; without newer settings at their default."""
        kwargs = {"kwargs": list(self.kwargs)} if self.kwargs else {}
        backend = self.backend if self.backend != "gymnasium" else None
        skip = self.frame_skip if self.frame_skip > 1 else 0
        made = {"backend": backend, "pixels": self.pixels, "frame_skip": skip}
        return {
            "env": self.id, "wrappers": list(self.wrappers), "domain": self.domain, **kwargs,
            **{name: value for name, value in made.items() if value}, **self.reading,
        }  # fmt: skip

    def make(self) -> gym.Env:
        """Build it, or raise a ValueError that says what is wrong and what to write."""
        if self.backend == "envpool":
            from bvae_rl.data.envpool.environments import EnvPoolEnv

            return EnvPoolEnv(self.id, **self._of_envpool())
        kwargs = dict(map(_argument, self.kwargs))
        wrappers = [_wrapper(text) for text in self.wrappers]
        taker = next((wrapper for wrapper, _ in wrappers if _takes_domain(wrapper)), None)
        if self.domain is not None and taker is None:
            kwargs["domain"] = self.domain
        if self.pixels:
            kwargs.setdefault("render_mode", "rgb_array")
        env = _made(self, kwargs)
        if self.frame_skip > 1:
            env = FrameSkip(env, self.frame_skip)
        if self.pixels:
            env = drawn(env)
        for wrapper, arguments in wrappers:
            if wrapper is taker and self.domain is not None:
                arguments = {**arguments, "domain": self.domain}
            try:
                env = wrapper(env, **arguments)
            except (TypeError, AssertionError) as error:
                raise ValueError(f"wrapper {wrapper.__name__}: {error}") from error
            if not isinstance(env, gym.Env):
                raise ValueError(
                    f"wrapper {wrapper.__name__} must return the environment, and it returned "
                    f"{type(env).__name__}; write 'return env' at its end"
                )
        return framed(env, **self.reading)

    def seen_by(self, vae: Wanted) -> EnvConfig:
        """The same, showing the frames that ``vae`` takes; errors are those of ``FrameLayout``."""
        kept = self.size in (None, vae.shape[1:]) and (vae.shape[0] == 1 or not self.grey)
        if not kept:
            height, width = vae.shape[1:]
            raise ValueError(
                f"this VAE takes frames of {height}x{width}x{vae.shape[0]}, so that size="
                f"{self.size} and grey={self.grey} cannot be in effect; leave --size and --grey "
                "out, or pretrain with them"
            )
        env = self.make()
        space, stacked = env.observation_space, stacked_in(env)
        shown, native = FrameLayout.of(space, stacked=stacked).shape, native_in(env)
        env.close()
        if shown == vae.shape:
            return self
        if (native or shown) == vae.native:
            grey = vae.shape[0] == 1 and vae.native[0] > 1
            return replace(self, size=vae.shape[1:], grey=grey)
        FrameLayout.of(space, **vae._asdict(), stacked=stacked or 1)
        return self

    def vec(self, n_envs: int, *, seed: int) -> VecEnv:
        """``n_envs`` monitored copies in one process, seeded."""
        if self.backend == "envpool":
            from bvae_rl.data.envpool.environments import EnvPoolVecEnv

            return EnvPoolVecEnv(self.id, n_envs, seed=seed, **self._of_envpool())
        return make_vec(self.make, n_envs, seed=seed)

    def _of_envpool(self) -> Made:
        """What EnvPool is told."""
        return {
            "domain": self.domain, "env_kwargs": dict(map(_argument, self.kwargs)),
            "frame_skip": self.frame_skip, "pixels": self.pixels, "key": self.key,
            "size": self.size, "grey": self.grey, "stacked": self.stacked,
        }  # fmt: skip

    def with_domain(self, domain: str | None) -> EnvConfig:
        """The same environment with another visual domain."""
        return replace(self, domain=domain)


def check_counts(settings: Any, *names: str) -> None:
    """ValueError unless each of these attributes is at least 1, or None."""
    for name in names:
        if (value := getattr(settings, name)) is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")


EnvFactory = Callable[[], gym.Env]


def make_vec(factory: EnvFactory, n_envs: int, *, seed: int) -> VecEnv:
    """``n_envs`` monitored environments from ``factory`` in one process, seeded."""
    if n_envs < 1:
        raise ValueError(f"n_envs must be at least 1, got {n_envs}")
    venv = DummyVecEnv([lambda: Monitor(checked(factory()))] * n_envs)
    venv.seed(seed)
    return venv


class FrameSkip(gym.Wrapper[Any, Any, Any, Any]):
    """Each action acts for ``skip`` steps, or until the episode ends; rewards add up."""

    def __init__(self, env: gym.Env[Any, Any], skip: int) -> None:
        super().__init__(env)
        self.skip = skip

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, total, terminated, truncated, info = self.env.step(action)
        for _ in range(self.skip - 1):
            if terminated or truncated:
                break
            observation, reward, terminated, truncated, info = self.env.step(action)
            total = total + reward  # type: ignore[operator]
        return observation, total, terminated, truncated, info


def _made(config: EnvConfig, kwargs: dict[str, Any]) -> gym.Env[Any, Any]:
    """``gymnasium.make``, with errors that a person can act on."""
    import_home(config.id)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # an older version of the id
            return gym.make(config.id, **kwargs)
    except gym.error.DependencyNotInstalled as error:
        raise ValueError(f"{config.id} cannot be made here: {error}{_hint(config.id)}") from error
    except (gym.error.Error, ModuleNotFoundError) as error:
        raise ValueError(
            f"unknown environment {config.id!r}: {str(error).rstrip('.?')}{_hint(config.id)}"
        ) from error
    except TypeError as error:
        if not kwargs:
            raise ValueError(f"{config.id} cannot be made here: TypeError: {error}") from error
        if "domain" in kwargs and any(
            word in str(error) for word in ("domain", "takes no arguments")
        ):
            raise ValueError(
                f"{config.id} has no visual domains: leave {config.domain!r} out (--domain), or "
                "give its pictures some, as colour and light: --wrappers bvae_rl:VariedEnv"
            ) from error
        raise ValueError(
            f"{config.id} does not take {', '.join(config.kwargs) or kwargs}: {error}"
        ) from error
    except (ValueError, ImportError):
        raise
    except Exception as error:  # of an environment that is not ours
        raise ValueError(
            f"{config.id} cannot be made here, by its own code: "
            f"{type(error).__name__}{f': {error}' if str(error) else ''}; --debug shows where"
        ) from error


def _argument(text: str) -> tuple[str, Any]:
    """NAME=VALUE as a name and a value."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ValueError(f"an argument of an environment is NAME=VALUE, got {text!r}")
    try:
        return name, literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _takes_domain(wrapper: Callable[..., gym.Env]) -> bool:
    return "domain" in signature(wrapper).parameters


def _wrapper(text: str) -> tuple[Callable[..., gym.Env], dict[str, Any]]:
    """``module:Class(name=literal, ...)`` as the class and its arguments; nothing is evaluated."""
    module, _, called = text.partition(":")
    name, arguments = called.partition("(")[0], {}
    try:
        if "(" in called:
            call = parse(called, mode="eval").body
            named = isinstance(call, Call) and not call.args and all(w.arg for w in call.keywords)
            if not isinstance(call, Call) or not named or not isinstance(call.func, Name):
                raise ValueError("arguments need their names")
            arguments = {str(word.arg): literal_eval(word.value) for word in call.keywords}
        return getattr(import_module(module), name), arguments
    except (ImportError, AttributeError, ValueError, SyntaxError) as error:
        raise ValueError(
            f"unknown wrapper {text!r} ({error}); write module:Class, with arguments as literals "
            "by name: gymnasium.wrappers:ResizeObservation(shape=(64, 64)); modules are looked for "
            "in the working directory too"
        ) from error


def _hint(env_id: str) -> str:
    """What to install, or which known ids are near."""
    package = known_package(env_id)
    if package is not None and find_spec(package.module.partition(".")[0]) is None:
        return f'; it comes with {package.module}: pip install "{package.requirement}"'
    hint = "" if ":" in env_id else "; name the module that registers it first, as module:Id-v0"
    stem = env_id.rpartition("/")[2].partition("-")[0].lower()
    bare = {known.rpartition("/")[2].lower(): known for known in gym.registry}
    near = [bare[name] for name in get_close_matches(env_id.lower(), bare, 5, 0.7)]
    same = [known for known in gym.registry if stem and stem in known.lower()]
    ours = [known for known in gym.registry if known.startswith("bvae_rl/")]
    names = list(dict.fromkeys([*near, *same]))[:8] or ours[:8]
    if near:
        hint = ""
    return f"{hint}; known: {', '.join(names)}" if names else hint
