"""Runs graphs with the torch engine's executor: frames with `graph` and its feeds in, outputs out; first the names of its ops."""

import os

import numpy as np
import torch

from earl_engine.frames import FrameWriter, read_frame
from earl_engine.graphs import OPS, Graph

source = os.fdopen(0, "rb")
writer = FrameWriter(os.fdopen(os.dup(1), "wb", buffering=0))
writer.write({"ops": sorted(OPS)})
while (frame := read_frame(source)) is not None:
    message, arrays = frame
    feeds = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    found = Graph(message["graph"], "cpu").run(feeds)
    writer.write({}, {name: value.reshape(-1).numpy() for name, value in found.items()})
