"""What a step of training sees.

Read ``rows`` (which frames train, which make pairs) and ``batch`` (what is drawn from them) first.
``pair_sources`` and ``grids`` know which latents two frames share, ``pixel_weights`` what a pixel
counts, by ``rare_pixels`` and ``background``; ``tiles`` lays a batch out for a CPU.
"""
