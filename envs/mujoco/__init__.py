"""MuJoCo tasks with known factors; one file a world: ``reacher``, ``pusher`` and ``relocate``.

They need the extra ``robotics``. Read ``appearances`` (how a scene is shown, and the visual
domains), ``gl`` (what draws), ``paint`` (the picture's own model), ``world`` (what all share).
"""
