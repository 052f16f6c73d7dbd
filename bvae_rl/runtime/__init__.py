"""What a run needs of its machine: folders, identity, devices, workers.

Read ``runs`` (folders, rows, logs: the only writer of results) first, then ``identity`` (is this
the same run?), ``owner`` (one process at a time), ``devices``, ``workers`` (several trainings side
by side), ``spread`` (the middle of several seeds, and how sure it is), ``optional`` and
``versions``.
"""
