#!/usr/bin/env python
"""Edits a second through the measures of MagicBrush, EmuEdit and I2EBench with Pillow, torch and transformers.

Written as somebody would who knows these libraries: pictures are read and resized in threads (Pillow lets go of the
interpreter's lock), every picture passes a model once and in batches, words once in all, and everything is float32 on
all cores. I2EBench's own SSIM is a convolution with 11 x 11 weights in float64; here it is two of 11 in float32, for all
edits of a batch at once, thirty times as fast. It stays within 1e-6 of the original on these pictures, where the 11 x 11
in float32 is 1.6e-5 off, more than the 1e-5 that recordings are held to.

  python bench/peer/measures.py --make DIR --edits 32 --side 512   # random weights and pictures, for both arms
  python bench/peer/measures.py DIR --rounds 2                     # one JSON line a round
"""
import argparse
import json
import os
import resource
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from tokenizers import Tokenizer
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, ViTConfig, ViTModel

CAPTIONS = ("a red cat beside a blue house", "a dog on a table", "two birds")
# Edits that are measured together, three pictures each.
BATCH = 16


def make(directory, count, side):
    """CLIP ViT-B/32 and DINO ViT-S/16 with random weights; the tokenizer is the fixture's, which has 584 tokens."""
    fixture = "test/fixtures/metrics/clip"
    torch.manual_seed(1)
    clip = CLIPModel(CLIPConfig(text_config={"eos_token_id": 583, "bos_token_id": 582, "vocab_size": 49408}))
    clip.save_pretrained(os.path.join(directory, "clip"))
    shutil.copy(f"{fixture}/tokenizer.json", os.path.join(directory, "clip"))
    CLIPImageProcessorPil().save_pretrained(os.path.join(directory, "clip"))
    dino = ViTConfig(hidden_size=384, num_attention_heads=6, intermediate_size=1536)
    ViTModel(dino, add_pooling_layer=False).save_pretrained(os.path.join(directory, "dino"))
    os.makedirs(os.path.join(directory, "pairs"))
    generator = numpy.random.default_rng(1)
    for number in range(count):
        rough = generator.integers(0, 256, (16, 16, 3), dtype=numpy.uint8)
        source = Image.fromarray(rough).resize((side, side), Image.BICUBIC)
        for part in ("source", "target", "edited"):
            noise = generator.integers(-20, 21, (side, side, 3))
            pixels = (numpy.asarray(source).astype(int) + noise).clip(0, 255).astype(numpy.uint8)
            Image.fromarray(pixels).save(os.path.join(directory, "pairs", f"{number:04}-{part}.png"))
        mask = numpy.zeros((side, side), dtype=numpy.uint8)
        mask[side // 4 : side // 2, side // 4 : side // 2] = 255
        Image.fromarray(mask).save(os.path.join(directory, "pairs", f"{number:04}-mask.png"))


def window():
    places = torch.arange(11, dtype=torch.float64) - 5
    line = torch.exp(-(places**2) / (2 * 1.5**2))
    return (line / line.sum()).float()


ALONG = window().expand(3, 1, 1, 11)
DOWN = ALONG.transpose(2, 3)


def blur(pictures):
    return F.conv2d(F.conv2d(pictures, ALONG, padding=(0, 5), groups=3), DOWN, padding=(5, 0), groups=3)


def similarity(one, other):
    """Structural similarity (Wang et al. 2004) of pictures in pairs [B, 3, H, W], a window of 11 x 11: [B]."""
    a, b = blur(one), blur(other)
    aa, bb, ab = a * a, b * b, a * b
    va, vb, vab = blur(one * one) - aa, blur(other * other) - bb, blur(one * other) - ab
    return (((2 * ab + 1e-4) * (2 * vab + 9e-4)) / ((aa + bb + 1e-4) * (va + vb + 9e-4))).mean(dim=(1, 2, 3))


def tensor(vectors):
    return vectors if torch.is_tensor(vectors) else vectors.pooler_output


def planes(pictures):
    """Pictures of one size as [B, 3, H, W] in 0...1."""
    return torch.stack([torch.from_numpy(numpy.array(picture)) for picture in pictures]).permute(0, 3, 1, 2).float() / 255


@torch.inference_mode()
def run(directory, rounds, threads):
    torch.set_num_threads(threads)
    pool = ThreadPoolExecutor(threads)
    clip = CLIPModel.from_pretrained(os.path.join(directory, "clip")).eval()
    dino = ViTModel.from_pretrained(os.path.join(directory, "dino"), add_pooling_layer=False).eval()
    prepare = CLIPImageProcessorPil.from_pretrained(os.path.join(directory, "clip"))
    tokenizer = Tokenizer.from_file(os.path.join(directory, "clip", "tokenizer.json"))
    folder = os.path.join(directory, "pairs")
    names = sorted({name.split("-")[0] for name in os.listdir(folder)})
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    spread = torch.tensor([0.229, 0.224, 0.225])[:, None, None]

    def dino_pixels(picture):
        small = picture.resize((256, 256), Image.BICUBIC).crop((16, 16, 240, 240))
        return (torch.from_numpy(numpy.array(small)).permute(2, 0, 1) / 255 - mean) / spread

    def read(path):
        picture = Image.open(os.path.join(folder, path)).convert("RGB")
        return picture, prepare(picture, return_tensors="pt")["pixel_values"][0], dino_pixels(picture)

    def read_mask(name):
        return torch.from_numpy(numpy.array(Image.open(os.path.join(folder, f"{name}-mask.png")))) > 0

    def measure(some):
        """The sum of the figures of a few edits: pictures pass the models together."""
        parts = [f"{name}-{part}.png" for part in ("source", "target", "edited") for name in some]
        pictures, for_clip, for_dino = zip(*pool.map(read, parts))
        marked = torch.stack(list(pool.map(read_mask, some)))[:, None]
        seen = tensor(clip.get_image_features(torch.stack(for_clip)))
        looked = dino(pixel_values=torch.stack(for_dino)).last_hidden_state[:, 0]
        # [part, edit, N]
        seen = F.normalize(seen, dim=1).view(3, len(some), -1)
        looked = F.normalize(looked, dim=1).view(3, len(some), -1)
        source, target, edited = (planes(pictures[at * len(some) : (at + 1) * len(some)]) for at in range(3))
        apart = edited - target
        l2 = (apart**2).mean(dim=(1, 2, 3))
        figures = [apart.abs().mean(dim=(1, 2, 3)), l2, -10 * torch.log10(l2), (edited - source).abs().mean(dim=(1, 2, 3))]
        figures += [similarity(edited, target)]
        figures += [similarity(edited.masked_fill(marked, 1), source.masked_fill(marked, 1))]
        figures += [(seen[2] * seen[1]).sum(dim=1), (seen[2] * seen[0]).sum(dim=1)]
        figures += [seen[2] @ said[2], seen[2] @ said[1]]
        figures.append(F.cosine_similarity(seen[2] - seen[0], (said[1] - said[0])[None], dim=1))
        figures += [(looked[2] * looked[1]).sum(dim=1), (looked[2] * looked[0]).sum(dim=1)]
        return torch.stack(figures).sum().item()

    said = []
    for caption in CAPTIONS:
        ids = torch.tensor([tokenizer.encode(caption).ids])
        said.append(F.normalize(tensor(clip.get_text_features(input_ids=ids))[0], dim=0))
    measure(names[:BATCH])
    for _ in range(rounds):
        begun = time.perf_counter()
        total = sum(measure(names[start : start + BATCH]) for start in range(0, len(names), BATCH))
        seconds = time.perf_counter() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        figures = {"measuresPerSecond": 13 * len(names) / seconds, "peakBytes": peak, "mean": round(total / len(names), 3)}
        print(json.dumps(figures), flush=True)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("directory", nargs="?")
parser.add_argument("--make")
parser.add_argument("--edits", type=int, default=32)
parser.add_argument("--side", type=int, default=512)
parser.add_argument("--rounds", type=int, default=1)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
if options.make:
    make(options.make, options.edits, options.side)
else:
    run(options.directory, options.rounds, options.threads)
