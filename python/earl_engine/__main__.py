"""`python -m earl_engine`: frames come on standard input and leave on standard output."""

import os

# Before anything is imported: libraries print to standard output, which is the frames' alone.
sink = os.fdopen(os.dup(1), "wb", buffering=0)
os.dup2(2, 1)
source = os.fdopen(os.dup(0), "rb", buffering=1 << 20)

from . import driver  # noqa: E402
from .frames import FrameWriter, read_frame  # noqa: E402

driver.run(lambda: read_frame(source), FrameWriter(sink))
