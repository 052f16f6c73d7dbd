"""The Beta-VAE.

Read ``losses`` (the terms, and their scale) first, then ``vae_config``, ``networks`` and ``vae``.
``scaling`` says what standardised latents are, ``fused`` makes encoding fast, ``hub`` finds a VAE
by its name.
"""
