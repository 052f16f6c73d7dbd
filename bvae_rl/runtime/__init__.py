"""What a run needs of its machine, and nothing of what it computes.

Read ``runs`` (folders, rows, logs: the only writer of results) first, then ``devices``,
``workers`` (several trainings side by side), ``optional`` and ``versions``.
"""
