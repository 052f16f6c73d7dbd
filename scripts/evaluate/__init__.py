"""``bvae-rl evaluate``: VAEs scored on frames with known factors.

``command`` is the command, ``args`` what it takes. ``sampled``, ``on_policy``, ``store`` and
``bare`` are kinds of frames (``held``: those that are there already); ``scoring`` and ``more`` say
what is measured, ``results`` and ``rows`` what comes of it. Other commands take ``one_code``.
"""
