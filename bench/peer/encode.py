#!/usr/bin/env python
"""Pictures a second through Pillow and transformers' Emu3VQVAE: decode a JPEG, resize it, encode it.

  python bench/peer/encode.py --make DIR --pictures 32 --channels 64     # random weights and pictures, for both arms
  python bench/peer/encode.py DIR --rounds 2                             # one JSON line a round
"""
import argparse
import json
import os
import resource
import sys
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy
import torch
from PIL import Image
from transformers import Emu3VQVAE, Emu3VQVAEConfig


def make(directory, count, channels, side):
    torch.manual_seed(1)
    model = Emu3VQVAE(Emu3VQVAEConfig(base_channels=channels, hidden_size=4 * channels)).eval()
    model.save_pretrained(os.path.join(directory, "tokenizer"))
    os.makedirs(os.path.join(directory, "pictures"))
    generator = numpy.random.default_rng(1)
    for number in range(count):
        rough = generator.integers(0, 256, (16, 16, 3), dtype=numpy.uint8)
        smooth = Image.fromarray(rough).resize((side, side), Image.BICUBIC)
        smooth.save(os.path.join(directory, "pictures", f"{number:04}.jpg"), quality=90)


@torch.no_grad()
def run(directory, rounds, threads):
    torch.set_num_threads(threads)
    model = Emu3VQVAE.from_pretrained(os.path.join(directory, "tokenizer")).eval()
    folder = os.path.join(directory, "pictures")
    names = sorted(os.listdir(folder))

    def encode(name):
        picture = Image.open(os.path.join(folder, name)).convert("RGB").resize((256, 256), Image.BICUBIC)
        pixels = torch.from_numpy(numpy.asarray(picture)).permute(2, 0, 1).float()[None] / 127.5 - 1
        return model.encode(pixels, torch.tensor([[256, 256]])).image_tokens[0]

    first = encode(names[0])
    for _ in range(rounds):
        begun = time.perf_counter()
        for name in names:
            encode(name)
        seconds = time.perf_counter() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"picturesPerSecond": len(names) / seconds, "peakBytes": peak, "codes": int(first.sum())}), flush=True)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("directory", nargs="?")
parser.add_argument("--make")
parser.add_argument("--pictures", type=int, default=32)
parser.add_argument("--channels", type=int, default=64)
parser.add_argument("--side", type=int, default=512)
parser.add_argument("--rounds", type=int, default=1)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
if options.make:
    make(options.make, options.pictures, options.channels, options.side)
else:
    run(options.directory, options.rounds, options.threads)
