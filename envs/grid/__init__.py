"""MiniGrid and BabyAI worlds with known factors: ``world`` wraps them, ``ids`` lists them.

Read ``things`` and ``ground`` (what an episode consists of), ``notes`` (what missions and rewards
keep about things), ``state`` (as numbers; read and set), ``rules`` (which states can be),
``appearances`` (how cells are shown, and the visual domains), ``render`` and ``view`` (pictures).
"""
