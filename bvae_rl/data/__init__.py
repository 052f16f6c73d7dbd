"""Frames, and what is true about them.

Read ``factors`` (what a factor is) first, then ``frame_layout`` (from an observation to a frame),
``frame_store`` (frames on disk), ``collect`` (how they get there) and ``probe_sets`` (frames to
measure a representation on). Frames that somebody already has come in by ``importing``: its readers
make a ``recording`` of what they find.
"""
