"""``bvae-rl visualize``: pictures of what the latents of a VAE hold.

``command`` is the command, ``args`` what it takes, ``store`` the same on the frames of a store;
``figures``, ``episode`` and ``beside`` draw, ``results`` is what was written.
"""
