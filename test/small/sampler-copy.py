"""One rank of a policy in bfloat16 that makes a step: prints how many of the sampler's numbers are not its masters', rounded.

Arguments: rank, ranks, a file that the ranks meet in, and engine.offload.
"""

import hashlib
import json
import sys

import torch
import torch.distributed as dist
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule

from earl_engine.checkpoint import whole
from earl_engine.held_policy import HeldPolicy
from earl_engine.policy import Config, Policy

rank, world, meeting, offload = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=world)
config = {"vocabulary": 50, "width": 16, "inner": 24, "layers": 2, "heads": 4, "key_heads": 2, "head": 4, "epsilon": 1e-5}
config |= {"theta": 500.0, "tied": False}
generator = torch.Generator().manual_seed(1)
message = {
    "config": config,
    "segments": [{"start": 0, "end": 50, "banned": []}],
    "precision": "bfloat16",
    "recompute": False,
    "offload": offload,
    "trained": "all",
    "places": {},
    "reference": None,
    "matrices": [],
    "optimizer": {"beta1": 0.9, "beta2": 0.95, "epsilon": 1e-6, "weightDecay": 0, "maxGradNorm": 1},
}
with torch.device("meta"):
    shapes = {name: parameter.shape for name, parameter in Policy(Config(**config)).named_parameters()}
weights = {f"weights/{name}": (0.3 * torch.randn(shape, generator=generator)).numpy() for name, shape in shapes.items()}
held = HeldPolicy(rank, world, torch.device("cpu"), message, weights)
held.sync({}, {})


def apart():
    """Numbers of the copy that differ in any bit, and how many there are."""
    pairs = [(own, whole(trained).bfloat16()) for own, trained in zip(held.sampler.parameters(), held.policy.parameters())]
    differ = sum((own.view(torch.int16) != want.view(torch.int16)).sum().item() for own, want in pairs)
    return differ, sum(own.numel() for own, _ in pairs)


before = apart()
old = [own.clone() for own in held.sampler.parameters()]
ids = torch.randint(50, (6,), generator=generator)
targets = (held.segments[0], torch.arange(5), ids[1:])
logprobs, _ = held.policy(ids, torch.arange(6), [(2, 1, 4)], [targets], 1.0)
logprobs.sum().backward()
held.norm = torch.nn.utils.get_total_norm([parameter.grad for parameter in held.learned.values()])
held.update({"learningRate": 0.01}, {})
stale = apart()[0]
held.sync({}, {})
moved = sum((a != b).sum().item() for a, b in zip(old, held.sampler.parameters()))
parts = [part for part in held.policy.modules() if isinstance(part, FSDPModule)]
offloaded = sum(isinstance(part._get_fsdp_state()._fsdp_param_group.offload_policy, CPUOffloadPolicy) for part in parts)
masters = hashlib.sha256(b"".join(whole(p).detach().numpy().tobytes() for p in held.policy.parameters())).hexdigest()
said = {"before": before[0], "stale": stale, "after": apart()[0], "moved": moved, "numbers": before[1]}
print(json.dumps(said | {"parts": len(parts), "offloaded": offloaded, "masters": masters}))
