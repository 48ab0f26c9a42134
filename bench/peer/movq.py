#!/usr/bin/env python
"""Seconds and GFLOP/s of transformers' Emu3VQVAE at its default (published) size, random weights, one picture.

  python bench/peer/movq.py --side 256          # one JSON line a round

The flops are counted by torch's own counter, so they include the three frames that a picture does not need.
"""
import argparse
import json
import os
import resource
import sys
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import Emu3VQVAE, Emu3VQVAEConfig


def counted(side):
    """GFLOP of encoding and decoding, from shapes alone."""
    with torch.device("meta"):
        model = Emu3VQVAE(Emu3VQVAEConfig())
    with FlopCounterMode(display=False) as encoding:
        model.encode(torch.empty(1, 3, side, side, device="meta"), torch.tensor([[side, side]]))
    with FlopCounterMode(display=False) as decoding:
        model.decode(torch.zeros(1, side // 8, side // 8, dtype=torch.long, device="meta"))
    return encoding.get_total_flops() / 1e9, decoding.get_total_flops() / 1e9


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    print(f"torch {torch.__version__}, {options.threads} threads", file=sys.stderr)

    model = Emu3VQVAE(Emu3VQVAEConfig()).eval()
    encode_gflop, decode_gflop = counted(options.side)
    pixels = torch.rand(1, 3, options.side, options.side) * 2 - 1

    def encode(pictures):
        size = torch.tensor([[pictures.shape[2], pictures.shape[3]]])
        return torch.stack(model.encode(pictures, size).image_tokens)

    # A small picture touches every weight before the clock runs.
    model.decode(encode(pixels[:, :, :64, :64]))
    for _ in range(options.rounds):
        start = time.perf_counter()
        codes = encode(pixels)
        middle = time.perf_counter()
        model.decode(codes)
        encode_seconds, decode_seconds = middle - start, time.perf_counter() - middle
        print(json.dumps({
            "encodeSeconds": encode_seconds,
            "decodeSeconds": decode_seconds,
            "encodeGflop": encode_gflop,
            "decodeGflop": decode_gflop,
            "encodeGflopPerSecond": encode_gflop / encode_seconds,
            "decodeGflopPerSecond": decode_gflop / decode_seconds,
            "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }), flush=True)


if __name__ == "__main__":
    main()
