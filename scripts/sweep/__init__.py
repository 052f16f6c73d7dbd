"""``bvae-rl sweep-beta`` and ``sweep-latents``: trainings along one setting, scored and compared.

``beta`` and ``latents`` are the commands, ``along`` is what both share.
"""
