"""A two-link arm in the plane, drawn by OpenCV; one file a world: ``reach`` and ``push``.

Read ``arm`` (kinematics and contact), ``palettes`` and ``appearances`` (how a scene is shown),
``variations`` (the visual domains), ``scene`` (the drawing), ``world`` (what both worlds share).
"""
