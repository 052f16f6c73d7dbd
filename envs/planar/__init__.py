"""A two-link arm in the plane, drawn by OpenCV: ``reach`` and ``push``.

``world`` is what both share, ``arm`` the kinematics, ``scene`` the drawing, ``appearances`` what
can look different.
"""
