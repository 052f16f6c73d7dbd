"""Frames, and what is true about them.

Read ``factors`` (what a factor is) first, then ``environments`` (by id), ``pictures`` (from an
observation to a frame), ``frame_store`` (frames on disk), ``sources`` (how they get there, by
``collecting``) and ``probe_sets`` (frames to measure a representation on). ``coverage`` says how
much of a world they show. Frames that somebody already has come in by ``readers``.
"""
