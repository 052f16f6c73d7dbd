"""``bvae-rl evaluate``: VAEs scored on frames with known factors.

``command`` is the command, ``args`` what it takes; ``rows`` scores one code, ``more`` measures what
there is beside these scores, and every other file is one kind of frames.
"""
