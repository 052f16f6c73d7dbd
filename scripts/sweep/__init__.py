"""``bvae-rl sweep-beta`` and ``sweep-latents``: trainings along one setting, scored and compared.

``command`` is what both share.
"""
