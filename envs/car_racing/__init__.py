"""Gymnasium's ``CarRacing-v3`` with known factors and visual domains; it needs the extra ``box2d``.

Read ``view`` (the picture and the actions, alike for both backends), ``appearances`` (colours, and
the visual domains), ``road`` (where a car is on it), ``task`` (gymnasium's simulation, and how a
car is put somewhere), ``world`` (all together); ``recolour`` and ``pool`` (what EnvPool drew, in
the colours of a domain).
"""
