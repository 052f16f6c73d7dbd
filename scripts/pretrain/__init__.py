"""``bvae-rl pretrain``: a Beta-VAE trained on frames.

``command`` is the command, ``args`` what it takes, ``collected`` the frames, ``once`` one training,
``watched`` what is seen of it on the way. ``unhardened`` chooses between that, several ``seeds``
and ``rounds``; ``hardened`` has a last phase after it.
"""
