#!/usr/bin/env python
"""Edits a second through the measures of MagicBrush, EmuEdit and I2EBench with Pillow, torch and transformers.

  python bench/peer/measures.py --make DIR --edits 32 --side 512   # random weights and pictures, for both arms
  python bench/peer/measures.py DIR --rounds 2                     # one JSON line a round
"""
import argparse
import json
import os
import resource
import shutil
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from tokenizers import Tokenizer
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, ViTConfig, ViTModel

CAPTIONS = ("a red cat beside a blue house", "a dog on a table", "two birds")
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
    line = line / line.sum()
    return (line[:, None] * line[None, :]).expand(3, 1, 11, 11)


WINDOW = window()


def similarity(one, other):
    """Structural similarity as I2EBench's code takes it: a window of 11 x 11, in float64."""
    one, other = one.double(), other.double()
    blur = lambda picture: F.conv2d(picture, WINDOW, padding=5, groups=3)
    a, b = blur(one), blur(other)
    aa, bb, ab = a * a, b * b, a * b
    va, vb, vab = blur(one * one) - aa, blur(other * other) - bb, blur(one * other) - ab
    return (((2 * ab + 1e-4) * (2 * vab + 9e-4)) / ((aa + bb + 1e-4) * (va + vb + 9e-4))).mean().item()


def tensor(vectors):
    return vectors if torch.is_tensor(vectors) else vectors.pooler_output


@torch.no_grad()
def run(directory, rounds, threads):
    torch.set_num_threads(threads)
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

    def measure(some):
        """Figures of a few edits: pictures pass the models together, words once."""
        triples = [
            [Image.open(os.path.join(folder, f"{name}-{part}.png")).convert("RGB") for part in ("source", "target", "edited")]
            for name in some
        ]
        flat = [picture for triple in triples for picture in triple]
        seen, looked = [], []
        for start in range(0, len(flat), BATCH):
            batch = flat[start : start + BATCH]
            seen.append(tensor(clip.get_image_features(**prepare(batch, return_tensors="pt"))))
            pixels = torch.stack([dino_pixels(picture) for picture in batch])
            looked.append(dino(pixel_values=pixels).last_hidden_state[:, 0])
        seen = F.normalize(torch.cat(seen), dim=1).view(len(some), 3, -1)
        looked = F.normalize(torch.cat(looked), dim=1).view(len(some), 3, -1)
        total = 0.0
        for name, (source, target, edited), clips, dinos in zip(some, triples, seen, looked):
            s, t, e = (torch.from_numpy(numpy.array(one)).permute(2, 0, 1)[None].float() / 255 for one in (source, target, edited))
            apart = e - t
            l2 = (apart**2).mean().item()
            figures = [apart.abs().mean().item(), l2, -10 * numpy.log10(l2), (e - s).abs().mean().item()]
            marked = torch.from_numpy(numpy.array(Image.open(os.path.join(folder, f"{name}-mask.png")))) > 0
            figures += [similarity(e, t), similarity(e.masked_fill(marked, 1), s.masked_fill(marked, 1))]
            figures += [(clips[2] @ clips[1]).item(), (clips[2] @ clips[0]).item()]
            figures += [(clips[2] @ said[2]).item(), (clips[2] @ said[1]).item()]
            figures.append(F.cosine_similarity(clips[2] - clips[0], said[1] - said[0], dim=0).item())
            figures += [(dinos[2] @ dinos[1]).item(), (dinos[2] @ dinos[0]).item()]
            total += sum(figures)
        return total

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
