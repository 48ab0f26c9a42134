#!/usr/bin/env python
"""What transformers' `generate` decodes on the benchmark's model, and what a torch training step needs in memory.

  python bench/peer/generate.py                     # decode speed: one JSON line a round
  python bench/peer/generate.py --memory            # peak memory of one training step, in a process of its own

The model is the one of trl_grpo_bench.py (LLaMA, 5.36 M parameters, float32): 64 rows, 80 prompt tokens and
64 new ones, sampled at temperature 1.
"""
import argparse
import json
import resource
import sys
import time

import trl_grpo_bench as bench  # sets the thread count and the offline switches before torch is loaded
import torch


def settings(options):
    """The fields of trl_grpo_bench's own settings that its model and prompts read."""
    return argparse.Namespace(attn="sdpa", prompts=options.rows // options.group, prompt_len=options.prompt_tokens)


def rows_of_prompts(options):
    return bench.make_prompts(settings(options)).repeat_interleave(options.group, 0)


def peak_bytes():
    """Largest resident size this process has had (Linux counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def decode(options):
    from transformers import GenerationConfig

    model = bench.make_model(settings(options)).eval()
    prompts = rows_of_prompts(options)
    sampling = GenerationConfig(
        max_new_tokens=options.new_tokens, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, use_cache=True,
        pad_token_id=bench.PAD, eos_token_id=bench.EOS, bos_token_id=bench.BOS,
        suppress_tokens=[bench.PAD, bench.EOS, bench.BOS],
    )
    for round_index in range(options.warmup + options.rounds):
        start = time.perf_counter()
        with torch.no_grad():
            out = model.generate(input_ids=prompts, attention_mask=torch.ones_like(prompts), generation_config=sampling)
        seconds = time.perf_counter() - start
        new_tokens = out.shape[0] * (out.shape[1] - options.prompt_tokens)
        if round_index >= options.warmup:
            print(json.dumps({"seconds": round(seconds, 4), "tokensPerSecond": round(new_tokens / seconds, 1)}), flush=True)


def training_memory(options):
    """One step: every row's prompt and completion forwarded, policy loss on the completion, AdamW."""
    model = bench.make_model(settings(options))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.0)
    before = peak_bytes()
    random = torch.Generator().manual_seed(3)
    completions = torch.randint(3, bench.VOCAB, (options.rows, options.new_tokens), generator=random)
    advantages = torch.randn(options.rows, 1, generator=random)
    tokens = torch.cat([rows_of_prompts(options), completions], 1)
    for _ in range(2):  # the second step has the optimizer's state in memory too
        for start in range(0, options.rows, options.microbatch):
            rows = slice(start, start + options.microbatch)
            logits = model(tokens[rows], logits_to_keep=options.new_tokens + 1, use_cache=False).logits[:, :-1]
            logprobs = bench.token_logps(logits, completions[rows])
            (-(logprobs * advantages[rows]).sum() / completions.numel()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    print(json.dumps({"peakBytes": peak_bytes(), "beforeStepBytes": before, "microbatch": options.microbatch}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--prompt-tokens", type=int, default=80)
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--microbatch", type=int, default=64, help="rows a pass of the memory measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads", file=sys.stderr)
    (training_memory if options.memory else decode)(options)


if __name__ == "__main__":
    main()
