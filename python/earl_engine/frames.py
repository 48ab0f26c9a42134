"""Frames between earl and its driver: the length as u64, then a safetensors file whose metadata is the message as JSON.

Any frame saved to disk opens in a safetensors reader. src/engine/torch/frames.ts is the other end.
"""

import json
import struct
import threading

import numpy as np

TYPES = {"F32": np.float32, "I32": np.int32, "I64": np.int64}
NAMES = {np.dtype(kind): name for name, kind in TYPES.items()}


def read_frame(source):
    """The next message and its arrays; None at the end of the stream."""
    head = source.read(8)
    if len(head) < 8:
        return None
    (length,) = struct.unpack("<Q", head)
    body = memoryview(source.read(length))
    if len(body) < length:
        return None
    (header_length,) = struct.unpack("<Q", body[:8])
    header = json.loads(bytes(body[8 : 8 + header_length]))
    values = body[8 + header_length :]
    message = json.loads(header.pop("__metadata__")["message"])
    arrays = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        arrays[name] = np.frombuffer(values[start:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return message, arrays


class FrameWriter:
    """Writes whole frames, whichever thread they come from."""

    def __init__(self, sink):
        self.sink, self.lock = sink, threading.Lock()

    def write(self, message, arrays=None):
        header, at = {"__metadata__": {"message": json.dumps(message)}}, 0
        arrays = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
        for name, array in arrays.items():
            header[name] = {
                "dtype": NAMES[array.dtype],
                "shape": list(array.shape),
                "data_offsets": [at, at + array.nbytes],
            }
            at += array.nbytes
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with self.lock:
            self._write(struct.pack("<QQ", 8 + len(text) + at, len(text)) + text)
            for array in arrays.values():
                if array.nbytes:
                    self._write(array.reshape(-1).view(np.uint8))

    def _write(self, content):
        rest = memoryview(content)
        while len(rest):
            rest = rest[self.sink.write(rest) :]
