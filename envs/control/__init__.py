"""Four tasks of the DeepMind Control Suite with known factors: ``cartpole`` (swingup), ``reacher``
(easy), ``walker`` (walk) and ``finger`` (spin), one file a world.

They need the extra ``dm-control``. Read ``appearances`` (how a scene is shown, and the visual
domains), ``suite`` (dm_control itself), ``paint`` (the picture's own model), ``world`` (what all
share).
"""
