"""``bvae-rl explore``: a page in which a VAE runs live.

``command`` writes the page that ``args`` ask for; ``vae`` is what it holds of a VAE, ``frames``
what it shows, ``panels`` the rest: ``episodes``, ``factors`` and ``history``. ``serve`` gives it to
a browser.
"""
