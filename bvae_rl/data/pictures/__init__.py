"""From what an environment shows to the frames that a VAE sees.

Read ``space`` (which picture an observation space holds) first, then ``resize``, ``frame_layout``
(the one way from an observation to x), ``layouts`` (several pictures, stacks), ``framed``
(environments that show frames) and ``checks`` (pictures that somebody hands over). ``small``
ones are enough to compare pictures.
"""
