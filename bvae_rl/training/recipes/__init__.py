"""Recipes: an objective with its hyperparameters, pairs, latents and schedule, by name.

Read ``table`` (all rows, and which is the best that some frames allow) first, then ``recipe`` (what
a row holds) and ``names`` (a row that is changed). ``recon_weight`` is measured on the frames,
``last_phase`` says what the VAE is hardened against in the end.
"""
