"""The explorer: one page in which a VAE runs live, and its latents are moved by hand.

Python packs arrays and weights into a payload (``payload``, ``vae_entry``) and writes the page
(``page``); the modules in ``js/`` decode, encode and draw. It trains, encodes and scores nothing.
"""
