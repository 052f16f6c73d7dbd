"""``bvae-rl visualize``: pictures of what the latents of a VAE hold.

``command`` is the command; ``figures`` draws, every other file is one source of what is drawn.
"""
