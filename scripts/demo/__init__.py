"""``bvae-rl demo``: the whole pipeline in minutes.

``command`` is the command; ``scale`` says how much of everything there is, ``report`` what the page
says and shows.
"""
