"""Frames that somebody already has: folders of images, arrays, LeRobot, Minari.

Read ``importing`` (the front door) first, then ``recording`` (what a reader gives) and one reader,
such as ``image_folder``; ``factor_csv`` brings what is true about the pictures.
"""
