"""MiniGrid's worlds with known factors: ``world`` wraps them, ``ids`` lists them."""
