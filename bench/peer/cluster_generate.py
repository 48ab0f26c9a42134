#!/usr/bin/env python
"""What transformers' `generate` takes for a token of all rows, beside bench/cluster.ts: random weights of given sizes.

  python bench/peer/cluster_generate.py --shape '{"hidden_size": 64, …}' --rows 8 --device cpu

Prints one JSON line. The time of a token is the difference of two lengths, so that the prompts' own pass is left out.
"""
import argparse
import json
import time

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("--shape", type=json.loads, required=True)
parser.add_argument("--rows", type=int, required=True)
parser.add_argument("--prompt-tokens", type=int, default=1103)
parser.add_argument("--completion-tokens", type=int, default=1055)
parser.add_argument("--device", default="cuda")
parser.add_argument("--type", default="bfloat16")
parser.add_argument("--threads", type=int, default=0)
options = parser.parse_args()
if options.threads:
    torch.set_num_threads(options.threads)

with torch.device(options.device):
    torch.set_default_dtype(getattr(torch, options.type))
    model = LlamaForCausalLM(LlamaConfig(**options.shape)).eval()
    prompts = torch.randint(3, options.shape["vocab_size"], (options.rows, options.prompt_tokens))


def seconds(tokens):
    settings = GenerationConfig(
        min_new_tokens=tokens, max_new_tokens=tokens, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
        use_cache=True, pad_token_id=0, eos_token_id=None,
    )
    start = time.perf_counter()
    with torch.no_grad():
        model.generate(input_ids=prompts, attention_mask=torch.ones_like(prompts), generation_config=settings)
    if options.device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


short = options.completion_tokens // 4
seconds(4)
long_time, short_time = seconds(options.completion_tokens), seconds(short)
peak = torch.cuda.max_memory_allocated() if options.device == "cuda" else 0
print(json.dumps({
    "stepMs": 1000 * (long_time - short_time) / (options.completion_tokens - short),
    "seconds": long_time,
    "peakBytes": peak,
}))
