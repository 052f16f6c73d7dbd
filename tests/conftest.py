"""One thread a process: with two each, two torch processes on two cores slow each other down."""

import os

# Before the first import of torch or numpy, which read these once; child processes inherit them.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
