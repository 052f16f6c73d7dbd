"""``bvae-rl explore``: a page in which a VAE runs live.

``command`` is the command; ``serve`` and ``vae`` make the page, every other file is one part of it.
"""
