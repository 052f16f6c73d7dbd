"""Training objectives, one file each; ``table`` lists them all, ``base`` says what one is.

Start with ``beta_vae`` (a whole objective on one screen) and ``base``.
"""

from bvae_rl.training.objectives.base import Objective

__all__ = ["Objective"]
