"""``bvae-rl pretrain``: a Beta-VAE trained on frames.

``command`` is the command, ``args`` what it takes; ``hardened`` and ``rounds`` are trainings in
parts.
"""
