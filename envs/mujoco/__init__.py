"""MuJoCo's worlds with known factors: ``world`` wraps the tasks of ``tasks``."""
