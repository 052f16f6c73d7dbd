"""Hardening: a trained VAE learns to ignore what the state does not depend on.

Read ``harden`` (the front door) first, then ``settings`` (what a hardening is made of), ``distil``
(the phase itself), ``checks`` (what is refused) and ``report`` (what was kept, and what was lost).
Its loss is ``objectives/distillation.py``, what varies the frames ``augment``.
"""

from bvae_rl.training.hardening.settings import Hardening, train_of_phase

__all__ = ["Hardening", "train_of_phase"]
