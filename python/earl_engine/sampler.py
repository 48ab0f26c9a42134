"""Writing completions with static shapes: P prompts, of each G rows. A prompt's keys are kept and read once a group.

What follows in a row is said by the caller: a forced id, or which segment of the vocabulary to draw from, with the
uniform number to draw by. So a seed means the same here as in every other engine.
"""

from functools import partial

import torch
import torch.nn.functional as F

# Keys of completions are read up to a multiple of this, not all that there is room for; each is a CUDA graph of its own.
GRAIN = {"cpu": 16, "cuda": 128}


class Generation:
    def __init__(self, policy, segments, shape):
        """`shape`: prompts P, groupSize G, prefix S, steps T, guidance or None, temperature, topK, topP, isGreedy."""
        c = policy.config
        self.policy, self.segments, self.shape = policy, segments, shape
        self.prompts, self.size, self.prefix = shape["prompts"], shape["groupSize"], shape["prefix"]
        self.rows, self.taken = self.prompts * self.size, 0
        weight = policy.model.embed_tokens.weight
        self.device = weight.device
        new = lambda *size: torch.zeros(*size, dtype=weight.dtype, device=weight.device)
        kept = lambda count, length: (new(c.layers, count * c.key_heads, length, c.head) for _ in range(2))
        self.prompt_keys, self.prompt_values = kept(self.prompts, self.prefix)
        self.keys, self.values = kept(self.rows, shape["steps"])
        # Added to scores: minus infinity where a prompt has ended, and where no token was written yet.
        self.ended, self.ahead = new(self.prompts * c.key_heads, 1, self.prefix), new(shape["steps"]) - float("inf")
        # What a step reads and writes lies where a graph that was captured finds it.
        draws = self.rows if shape["guidance"] is None else self.rows // 2
        number = lambda *size: torch.zeros(*size, dtype=torch.int64, device=weight.device)
        self.place, self.tokens, self.forced = number(1), number(draws), number(draws)
        self.uniform, self.logprobs = (torch.zeros(draws, device=weight.device) for _ in range(2))
        self.graphs, self.pool = {}, None
        self.heads = lambda prompt: slice(prompt * c.key_heads, (prompt + 1) * c.key_heads)

    @torch.no_grad()
    def prefill(self, tokens, lengths):
        """tokens [P, S], padded on the right; one prompt at a time, so that its numbers do not depend on the others."""
        self.starts = torch.tensor(lengths, device=self.device).repeat_interleave(self.size)
        for place, length in enumerate(lengths):
            self.ended[self.heads(place), :, length:] = float("-inf")
            if length:
                self._forward(tokens[place], torch.arange(self.prefix, device=self.device), partial(self._read, place))

    def _forward(self, tokens, positions, attend):
        return self.policy.model(tokens, positions, [partial(attend, layer) for layer in range(self.policy.config.layers)])

    def _read(self, place, number, *given):
        q, k, v = (x.transpose(0, 1) for x in given)
        self.prompt_keys[number, self.heads(place)], self.prompt_values[number, self.heads(place)] = k, v
        a = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True, enable_gqa=True)
        return a[0].transpose(0, 1).reshape(self.prefix, -1)

    @torch.no_grad()
    def decode(self, tokens, forced, uniform, drawn):
        """Takes all rows on. tokens [D]; forced int64 and uniform [N, D]; `drawn` the segments that some row draws from.

        Ids int64 and log-probabilities [N, D], the latter 0 where the id was forced.
        """
        ids, logprobs = torch.empty_like(forced), torch.empty_like(uniform)
        self.tokens.copy_(tokens)
        for step in range(len(forced)):
            self.forced.copy_(forced[step])
            self.uniform.copy_(uniform[step])
            self._take(drawn)
            ids[step], logprobs[step] = self.tokens, self.logprobs
        return ids, logprobs

    def _take(self, drawn):
        """One step. On CUDA the first of its kind runs as it is, which warms up, and is captured for those that follow."""
        grain = GRAIN[self.device.type]
        kind = (seen := min(self.ahead.numel(), (self.taken // grain + 1) * grain), *drawn)
        if kind in self.graphs:
            self.graphs[kind].replay()
        else:
            self._step(seen, drawn)
            if self.device.type == "cuda":
                self.graphs[kind] = torch.cuda.CUDAGraph()
                # Other threads of this process may be at work on the device, too.
                with torch.cuda.graph(self.graphs[kind], pool=self.pool, capture_error_mode="thread_local"):
                    self._step(seen, drawn)
                self.pool = self.graphs[kind].pool()
        self.taken += 1

    def _step(self, seen, drawn):
        """The next token of each row, from where a step reads to where it writes, without a word to the host."""
        self.ahead.index_fill_(0, self.place, 0.0)
        tokens = self.tokens
        if self.shape["guidance"] is not None:
            # Each group is computed twice, with its instruction and then without.
            tokens = tokens.view(-1, 1, self.size).expand(-1, 2, -1).reshape(-1)
        hidden = self._forward(tokens, self.starts + self.place, partial(self._attend, seen))
        chosen, logprobs = self._choose(hidden, drawn)
        self.tokens.copy_(chosen)
        self.logprobs.copy_(logprobs)
        self.place += 1

    def _attend(self, seen, number, q, k, v):
        c, P, G, S = self.policy.config, self.prompts, self.size, self.prefix
        K, repeats, scale = c.key_heads, c.heads // c.key_heads, c.head**-0.5
        for kept, found in ((self.keys, k), (self.values, v)):
            kept[number].index_copy_(1, self.place, found.reshape(-1, 1, c.head))
        own, keys, values = q.reshape(-1, repeats, c.head), self.keys[number, :, :seen], self.values[number, :, :seen]
        scores = torch.baddbmm(self.ahead[:seen], own, keys.transpose(1, 2), alpha=scale)
        # The queries of a whole group against its prompt are one product, and so is what they read.
        joined = lambda x: x.view(P, G, K, repeats, -1).transpose(1, 2).reshape(P * K, G * repeats, -1)
        apart = lambda x: x.view(P, K, G, repeats, -1).transpose(1, 2).reshape(P * G * K, repeats, -1)
        if S:
            earlier = self.prompt_keys[number].transpose(1, 2)
            scores = torch.cat((apart(torch.baddbmm(self.ended, joined(own), earlier, alpha=scale)), scores), -1)
        weights = scores.float().softmax(-1).to(q.dtype)
        out = weights[..., S:] @ values
        if S:
            out = out + apart(joined(weights[..., :S]) @ self.prompt_values[number])
        return out.reshape(len(q), -1)

    def _choose(self, hidden, drawn):
        guidance = self.shape["guidance"]
        if guidance is not None:
            pairs = hidden.view(-1, 2, self.size, hidden.shape[-1])
            # The head is linear: what guidance does to logits it may do to the rows before the head.
            hidden = (pairs[:, 1] + guidance * (pairs[:, 0] - pairs[:, 1])).reshape(-1, hidden.shape[-1])
        ids, logprobs = self.forced, torch.zeros_like(self.logprobs)
        temperature = self.shape["temperature"] or 1.0
        for index in drawn:
            segment = self.segments[index]
            every = segment.logits(hidden, self.policy.lm_head.weight, 1.0 / temperature).log_softmax(-1)
            place = draw(every, self.uniform[:, None], self.shape)
            here = self.forced == -1 - index
            ids = torch.where(here, place + segment.start, ids)
            logprobs = torch.where(here, every.gather(-1, place[:, None])[:, 0], logprobs)
        return ids, logprobs


def draw(logprobs, uniform, shape):
    """One place a row of [R, V]: the inverse of the cumulative distribution at a uniform number [R, 1]."""
    if shape["isGreedy"]:
        return logprobs.argmax(-1)
    if shape["topK"] == 0 and shape["topP"] == 1:
        return invert(logprobs.exp(), uniform)
    # In falling order, so that "the likeliest k" and "the likeliest that reach p" are both a beginning.
    count = logprobs.shape[1]
    order = logprobs.topk(min(shape["topK"] or count, count), -1).indices
    kept = logprobs.gather(-1, order).exp()
    if shape["topP"] < 1:
        before = kept.cumsum(-1) - kept
        kept = kept.where(before < shape["topP"] * kept.sum(-1, keepdim=True), 0.0)
    return order.gather(-1, invert(kept, uniform)[:, None])[:, 0]


def invert(weights, uniform):
    """How many running sums lie at or below uniform · total: never a place of weight 0."""
    running = weights.cumsum(-1)
    total = running[:, -1:]
    # A rounded product may reach the total itself; the last weight that counts is then the answer.
    return (running <= uniform * total).sum(-1).minimum((running < total).sum(-1))
