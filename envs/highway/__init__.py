"""Driving tasks of highway-env with known factors: ``highway`` and ``intersection``.

They need the extra ``highway``. Read ``appearances`` (the colours, and the visual domains),
``draw`` (highway-env's own drawing in these colours), ``world`` (what both share).
"""
