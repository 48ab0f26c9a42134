"""Weights and moments between files and ranks. Which tensor lies where is said by the caller; every rank takes part in
gathering, one tensor in memory at a time, and reads its own rows alone."""

import os
from concurrent.futures import wait

import numpy as np
import torch
from ray._private import utils
from safetensors import safe_open
from safetensors.torch import save_file
from torch.distributed.tensor import DTensor


class Source:
    """Values by name: the arrays of a call, and places in files that every worker sees."""

    def __init__(self, arrays, places):
        self.arrays, self.places, self.files = arrays, places, {}

    def __contains__(self, name):
        return name in self.arrays or name in self.places

    def rows(self, name, shape, first, last):
        if name in self.arrays:
            values = np.array(self.arrays[name]).reshape(shape)[first:last]
            return finite(name, torch.from_numpy(values))
        path, key = self.places[name]
        if path not in self.files:
            self.files[path] = safe_open(path, "pt")
        return finite(f"{path}: {key}", self.files[path].get_slice(key)[first:last])


def finite(where, values):
    if torch.isfinite(values).all():
        return values
    raise ValueError(f"{where} has values that are not finite.")


@torch.no_grad()
def fill(parameter, source, name):
    """Reads what this rank holds of a parameter, or of a moment of the same shape and kind."""
    first, last = span(parameter)
    if last > first:
        local(parameter).copy_(source.rows(name, parameter.shape, first, last))


def span(value):
    """First and last of the rows that this rank holds."""
    rows = value.shape[0]
    if not isinstance(value, DTensor):
        return 0, rows
    # torch.chunk's rule, which FSDP2 cuts by.
    each, rank = -(-rows // value.device_mesh.size()), value.device_mesh.get_local_rank()
    return min(rank * each, rows), min((rank + 1) * each, rows)


def local(value):
    """What this rank holds of a tensor."""
    return value.to_local() if isinstance(value, DTensor) else value


def whole(value):
    """All of a tensor, on this rank; every rank must ask for it."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def start_writing(values, files, directory, rank, pool):
    """Futures of the `files` (name, owner, keys, bytes) that this rank writes of `values`, tensors by name, as they are now."""
    fits = sum(file["bytes"] for file in files) < utils.get_system_memory() - utils.get_used_memory()
    writes = []
    for file in files:
        held = {}
        for key in file["keys"]:
            full = whole(values[key]).detach()
            if rank == file["owner"]:
                held[key] = full.to("cpu", torch.float32, copy=True).contiguous()
        if rank == file["owner"]:
            writes.append(pool.submit(write, os.path.join(directory, file["name"]), held))
            if not fits:
                wait(writes)
    return writes


def write(path, held):
    save_file(held, path, metadata={"format": "pt"})
    # safetensors writes for its owner alone, whatever the umask says.
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(path, 0o666 & ~mask)
    with open(path, "rb") as file:
        os.fsync(file.fileno())
