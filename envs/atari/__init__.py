"""Atari games through ale-py, with known factors: ``games`` holds one table a game.

They need the extra ``atari``. Read ``memory`` (how a factor stands in the console's 128 bytes),
``games`` (which bytes), ``emulator`` (states made from factors), ``appearances`` (other colours),
``world`` (the environment).
"""
