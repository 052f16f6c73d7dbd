"""EnvPool: environments in C++, several times as fast as Python's.

``environments`` has them as a VecEnv and as a single environment; ``pool`` runs them, ``ids`` knows
what there is, ``world`` is how one of ours says that EnvPool draws it.
"""

from bvae_rl.data.envpool.environments import EnvPoolEnv, EnvPoolVecEnv

__all__ = ["EnvPoolEnv", "EnvPoolVecEnv"]
