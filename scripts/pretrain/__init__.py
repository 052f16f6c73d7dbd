"""``bvae-rl pretrain``: a Beta-VAE trained on frames.

``command`` is the command, ``args`` what it takes, ``collected`` the frames, ``once`` one training,
of which ``seeds``, ``rounds`` and ``hardened`` are made; ``watched`` shows it on the way.
"""
