"""Agents under comparison: what they see, how they are trained, evaluated and scored."""
