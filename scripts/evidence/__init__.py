"""``bvae-rl evidence``: recipes compared by scores and agents, over seeds.

``command`` is the command, ``args`` what it takes; ``units`` are what there is to do, ``vaes``
trains a unit's VAE, and ``tables`` shows what was found.
"""
