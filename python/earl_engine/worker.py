"""One rank: a GPU, or a share of the CPU. It holds any number of policies by number.

Every method that earl calls takes a message and arrays and returns the same, or nothing; those that communicate with
other ranks are called on all of them.
"""

import os
from datetime import timedelta

import numpy as np


class Worker:
    def __init__(self, rank, world, device):
        import torch

        self.rank, self.world, self.policies, self.generations, self.held = rank, world, {}, {}, {}
        self.device = torch.device(device)
        # Codes of pictures are the nearest of many: a product in fewer digits would find others.
        torch.backends.cudnn.allow_tf32 = False
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

    def health(self):
        """Answered beside the work, as long as the process runs."""
        return os.getpid()

    def address(self):
        """Where the ranks may meet, asked of the first."""
        import ray
        import socket

        with socket.socket() as free:
            free.bind(("", 0))
            return f"tcp://{ray.util.get_node_ip_address()}:{free.getsockname()[1]}"

    def join(self, address, timeout):
        import torch
        import torch.distributed as dist

        # What lies in the node's memory is gathered and summed there.
        kind = "cpu:gloo,cuda:nccl" if self.device.type == "cuda" else "gloo"
        limit = timedelta(seconds=timeout)
        dist.init_process_group(kind, init_method=address, rank=self.rank, world_size=self.world, timeout=limit)
        gpu = torch.cuda.get_device_name() if self.device.type == "cuda" else None
        return {"pid": os.getpid(), "node": os.uname().nodename, "gpu": gpu, "torch": torch.__version__}

    def run(self, call, message, arrays):
        """A call of earl's: to a method of this worker, or to one of the policy that it names."""
        own = getattr(self, call, None) or getattr(self.policies[message["policy"]], call)
        return own(message, arrays) or ({}, {})

    def open(self, message, arrays):
        from .held_policy import HeldPolicy

        self.policies[message["policy"]] = HeldPolicy(self.rank, self.world, self.device, message, arrays)

    def close(self, message, _arrays):
        self.policies.pop(message["policy"], None)

    def start(self, message, arrays):
        from .sampler import Generation

        held = self.policies[message["policy"]]
        generation = Generation(held.sampler, held.segments, message["shape"])
        tokens = self._tensor(arrays["tokens"]).view(generation.prompts, generation.prefix)
        generation.prefill(tokens, message["lengths"])
        self.generations[message["generation"]] = generation

    def decode(self, message, arrays):
        generation, steps = self.generations[message["generation"]], message["steps"]
        given = [self._tensor(arrays[name]) for name in ("tokens", "forced", "uniform")]
        forced, uniform = (values.view(steps, -1) for values in given[1:])
        ids, logprobs = generation.decode(given[0], forced, uniform, message["drawn"])
        return {}, {"ids": ids.cpu().numpy(), "logprobs": logprobs.cpu().numpy()}

    def end(self, message, _arrays):
        self.generations.pop(message["generation"], None)

    def hold(self, message, _arrays):
        """Reads tensors that graphs take, by a number for all of them, in float32."""
        import torch

        from .checkpoint import Source

        source, shapes = Source({}, message["places"]), message["shapes"]
        self.held[message["set"]] = {
            name: source.rows(name, shape, None, None).to(self.device, torch.float32) for name, shape in shapes.items()
        }

    def compute(self, message, arrays):
        """Runs a graph on arrays and on tensors that are held."""
        from .graphs import Graph

        feeds = {**self.held[message["set"]], **{name: self._tensor(array) for name, array in arrays.items()}}
        found = Graph(message["graph"], self.device).run(feeds)
        return {}, {name: value.cpu().numpy() for name, value in found.items()}

    def release(self, message, _arrays):
        self.held.pop(message["set"], None)

    def _tensor(self, array):
        import torch

        return torch.from_numpy(np.array(array)).to(self.device)
