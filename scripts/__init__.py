"""Commands of ``bvae-rl``: a file each, or a room with ``command.py``; ``main`` assembles parts.

``cli`` is the door, ``commands`` what there is. Arguments that several have stand in ``common`` and
``training_args``; ``study`` runs agents side by side, as ``compare`` and ``transfer`` do.
"""
