"""``bvae-rl evaluate``: VAEs scored on frames with known factors.

``command`` is the command, ``args`` what it takes. ``sampled``, ``on_policy``, ``store`` and
``bare`` are kinds of frames, ``scoring`` and ``more`` what is measured on them, ``results`` what
comes of it.
"""
