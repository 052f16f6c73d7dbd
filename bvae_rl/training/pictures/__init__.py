"""Pictures of a VAE.

Read ``figures`` (which there are, by name) first. ``of_vae`` draws them beside a finished VAE,
``while_training`` logs them on the way; ``shown_frames`` chooses what they show, ``decoded`` moves
latents, and ``variations`` shows what an encoder is hardened against.
"""
