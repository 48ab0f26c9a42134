"""One policy on one rank: what is trained, what completions are written from, the reference, and the optimizer.

All weights: FSDP2 over the ranks, float32 masters, gradients summed, and a whole copy to sample from. An adapter: the
base once on every rank for both, the adapter's gradients summed. Nothing trained: the base alone.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, MixedPrecisionPolicy, OffloadPolicy, fully_shard

from .checkpoint import Source, fill, start_writing, whole
from .graphs import Graph
from .optimizer import Optimizer
from .policy import Config, Policy, Segment


class HeldPolicy:
    def __init__(self, rank, world, device, message, arrays):
        self.rank, self.world, self.device = rank, world, device
        self.config = Config(**message["config"])
        self.segments = [Segment(**said, device=device) for said in message["segments"]]
        self.type, self.recompute = getattr(torch, message["precision"]), message["recompute"]
        trained = message["trained"]
        self.is_sharded = trained == "all"
        with torch.device("meta"):
            self.policy = Policy(self.config, trained if isinstance(trained, dict) else None)
        source = Source(without("weights/", arrays), message["places"])
        is_offloaded = self.is_sharded and message["offload"] == "optimizer"
        if self.is_sharded:
            # Only a GPU reads pinned memory.
            self._shard(self.policy, CPUOffloadPolicy(device.type == "cuda") if is_offloaded else OffloadPolicy())
        else:
            self.policy.to(self.type)
            for name, parameter in self.policy.named_parameters():
                parameter.requires_grad_(".lora_" in name)
                if parameter.requires_grad:
                    parameter.data = parameter.data.float()
        self.policy.to_empty(device="cpu" if is_offloaded else device)
        self.sampler = None if self.is_sharded else self.policy
        for name, parameter in self.policy.named_parameters():
            fill(parameter, source, name)
        self.learned = {name: p for name, p in self.policy.named_parameters() if p.requires_grad}
        self.reference = self._reference(message["reference"], without("reference/", arrays))
        self.optimizer = Optimizer(self.learned, message["optimizer"], message["matrices"], device)
        self.pool = ThreadPoolExecutor(1)

    def _shard(self, policy, offload=OffloadPolicy()):
        mesh = init_device_mesh(self.device.type, (self.world,))
        # Rotary tables are float32 at every boundary: casting inputs would round them.
        casts = MixedPrecisionPolicy(param_dtype=self.type, reduce_dtype=torch.float32, cast_forward_inputs=False)
        apart = [] if self.config.tied else [policy.model.embed_tokens, policy.lm_head]
        for part in (*policy.model.layers, *apart, policy):
            fully_shard(part, mesh=mesh, mp_policy=casts, offload_policy=offload)
        for part in policy.modules():
            if isinstance(part, FSDPModule):
                # The weights of the loss carry the normalisation, so gradients are summed; gloo knows only a plain sum.
                part.set_gradient_divide_factor(1.0)
                part.set_force_sum_reduction_for_comms(True)

    def _reference(self, asked, arrays):
        """The frozen policy of a KL term: "start", places in files, or nothing."""
        if asked is None:
            return None
        source = Source(arrays, {} if asked == "start" else asked)
        if not self.is_sharded:
            kept = {name: p.detach().clone() for name, p in self.learned.items()}
            for name, values in kept.items():
                if name in source:
                    fill(values, source, name)
            return kept
        with torch.device("meta"):
            reference = Policy(self.config).to(self.type).requires_grad_(False)
        self._shard(reference)
        reference.to_empty(device=self.device)
        with torch.no_grad():
            for (name, own), first in zip(reference.named_parameters(), self.policy.parameters()):
                if asked == "start":
                    own.to_local().copy_(first.to_local())
                else:
                    fill(own, source, name)
        return reference

    @torch.no_grad()
    def sync(self, _message, _arrays):
        """Copies the trained weights to where completions are written from."""
        if not self.is_sharded:
            return
        if self.sampler is None:
            with torch.device("meta"):
                self.sampler = Policy(self.config).to(self.type).requires_grad_(False)
            self.sampler.to_empty(device=self.device)
        for own, trained in zip(self.sampler.parameters(), self.policy.parameters()):
            # The rounding is that of FSDP2's own copy, so both compute with equal weights.
            own.copy_(whole(trained.to(self.type)))

    def _forward(self, module, batch, arrays, temperature):
        on = lambda name: torch.from_numpy(np.array(arrays[name])).to(self.device)
        segments = [(self.segments[k], on(f"rows.{k}"), on(f"targets.{k}")) for k in batch["segments"]]
        return module(on("tokens"), on("positions"), batch["layout"], segments, 1.0 / temperature, recompute=self.recompute)

    @torch.no_grad()
    def logprobs(self, message, arrays):
        module, own = self.policy, None
        if message["under"] == "reference" and self.is_sharded:
            module = self.reference
        elif message["under"] == "reference":
            own = {name: p.data for name, p in self.learned.items()}
            for name, values in self.reference.items():
                self.learned[name].data = values
        try:
            return {}, {
                str(place): self._forward(module, batch, without(f"{place}/", arrays), message["temperature"])[0].cpu().numpy()
                for place, batch in enumerate(message["batches"])
            }
        finally:
            for name, values in (own or {}).items():
                self.learned[name].data = values

    def accumulate(self, message, arrays):
        """Forward, loss and backward of this rank's batches: its sums, and the norm of all ranks' gradient."""
        self.optimizer.forget()
        graphs = [Graph(spec, self.device) for spec in message["graphs"]]
        sums = dict.fromkeys(("loss", "kl", "entropy", "clipLow", "clipHigh"), 0.0)
        for place, batch in enumerate(message["batches"]):
            own = without(f"{place}/", arrays)
            logprobs, entropies = self._forward(self.policy, batch, own, message["temperature"])
            terms = {name[5:]: torch.from_numpy(np.array(a)).to(self.device) for name, a in own.items() if name[:5] == "term."}
            count, room = len(logprobs), len(terms["weights"])
            padded = lambda x: torch.cat((x, x.new_zeros(room - count)))
            found = graphs[batch["graph"]].run({**terms, "logprobs": padded(logprobs.detach())})
            # Autograd takes over where the loss ends.
            logprobs.backward(found["push"][:count])
            for name in ("loss", "kl", "clipLow", "clipHigh"):
                sums[name] += found[name].item()
            sums["entropy"] += (padded(entropies) * terms["counted"]).sum().item()
        gradients = [p.grad for p in self.learned.values()]
        if not self.is_sharded and self.world > 1:
            flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
            dist.all_reduce(flat)
            for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients])):
                gradient.copy_(part.view_as(gradient))
        self.norm = torch.nn.utils.get_total_norm(gradients)
        # As text: JSON has no number that is not finite.
        return {name: repr(value) for name, value in {**sums, "gradNorm": whole(self.norm).item()}.items()}, {}

    def update(self, message, _arrays):
        self.optimizer.step(message["learningRate"], self.norm)

    def state(self):
        """What a checkpoint holds: parameters by name, all of them where none is trained, and the optimizer's moments."""
        return {**(self.learned or dict(self.policy.named_parameters())), **self.optimizer.moments()}

    def trained(self, _message, _arrays):
        """What a checkpoint holds, on the first rank: for adapters, which are small."""
        return {}, {name: v.detach().cpu().numpy() for name, v in self.state().items()} if self.rank == 0 else {}

    def save(self, message, _arrays):
        """Copies the state, as far as memory allows, and has it written while others go on."""
        self.writes = start_writing(self.state(), message["files"], message["directory"], self.rank, self.pool)

    def written(self, _message, _arrays):
        """Waits for the files, and says what kept one from being written."""
        return {"faults": [str(fault) for write in self.writes if (fault := write.exception())]}, {}

    def load(self, message, arrays):
        source = Source(arrays, message["places"])
        for name, parameter in (self.learned or dict(self.policy.named_parameters())).items():
            fill(parameter, source, name)
        self.optimizer.restore(source, message["step"])


def without(prefix, arrays):
    """The arrays whose names begin with a prefix, without it."""
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
