"""Writing completions with static shapes: P prompts, of each G rows. A prompt's keys are kept and read once a group.

What follows in a row is said by the caller: a forced id, or which segment of the vocabulary to draw from, with the
uniform number to draw by. So a seed means the same here as in every other engine.
"""

import torch
import torch.nn.functional as F

from .policy import rotary, segment_logits, softmax_scale

# Keys of completions are read up to a multiple of this, so that a step early on does not read what is empty.
GRAIN = 64


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
        self.prompt_keys, self.prompt_values = (
            new(c.layers, self.prompts, c.key_heads, self.prefix, c.head) for _ in range(2)
        )
        self.keys, self.values = (new(c.layers, self.rows, c.key_heads, shape["steps"], c.head) for _ in range(2))
        self.mask = torch.zeros(self.prompts, 1, 1, self.prefix, device=weight.device)

    @torch.no_grad()
    def prefill(self, tokens, lengths):
        """tokens [P, S], padded on the right; one prompt at a time, so that its numbers do not depend on the others."""
        self.lengths = torch.tensor(lengths, device=self.device)
        for place, length in enumerate(lengths):
            self.mask[place, ..., length:] = float("-inf")
            if length:
                self._prefill(place, tokens[place])

    def _prefill(self, place, tokens):
        cos, sin = rotary(torch.arange(self.prefix, device=self.device), self.policy.config)
        x = self.policy.model.embed_tokens(tokens)
        for number, layer in enumerate(self.policy.model.layers):
            q, k, v = (y.transpose(0, 1) for y in layer.self_attn.turned(layer.input_layernorm(x), cos, sin))
            self.prompt_keys[number, place], self.prompt_values[number, place] = k, v
            a = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True, enable_gqa=True)
            x = x + layer.self_attn.o_proj(a[0].transpose(0, 1).reshape(self.prefix, -1))
            x = x + layer.mlp(layer.post_attention_layernorm(x))

    @torch.no_grad()
    def decode(self, tokens, forced, uniform, drawn):
        """Takes all rows on. tokens [D]; forced int64 and uniform [N, D]; `drawn` the segments that some row draws from.

        Ids int64 and log-probabilities [N, D], the latter 0 where the id was forced.
        """
        ids, logprobs = torch.empty_like(forced), torch.zeros(forced.shape, device=self.device)
        for step in range(len(forced)):
            hidden = self._step(self._in_pairs(tokens))
            tokens, logprobs[step] = self._choose(hidden, forced[step], uniform[step], drawn)
            ids[step] = tokens
        return ids, logprobs

    def _in_pairs(self, tokens):
        """With guidance each group is computed twice, with its instruction and then without."""
        if self.shape["guidance"] is None:
            return tokens
        return tokens.view(-1, 1, self.size).expand(-1, 2, -1).reshape(-1)

    def _step(self, tokens):
        """The last hidden states [R, width] after the next token of each row."""
        c, P, G, R, S, t = self.policy.config, self.prompts, self.size, self.rows, self.prefix, self.taken
        repeats = c.heads // c.key_heads
        seen = min(self.keys.shape[3], (t // GRAIN + 1) * GRAIN)
        late = torch.arange(seen, device=self.device) > t
        cos, sin = rotary(self.lengths.repeat_interleave(G) + t, c)
        x = self.policy.model.embed_tokens(tokens)
        for number, layer in enumerate(self.policy.model.layers):
            q, k, v = layer.self_attn.turned(layer.input_layernorm(x), cos, sin)
            self.keys[number, :, :, t], self.values[number, :, :, t] = k, v
            own = q.view(R, c.key_heads, repeats, c.head)
            scores = (own @ self.keys[number, :, :, :seen].transpose(-1, -2)).float() * softmax_scale(c)
            scores = scores.masked_fill(late, float("-inf"))
            if S:
                # The queries of a whole group against its prompt are one product.
                shared = own.view(P, G, c.key_heads, repeats, c.head).transpose(1, 2).reshape(P, c.key_heads, -1, c.head)
                prompt = (shared @ self.prompt_keys[number].transpose(-1, -2)).float() * softmax_scale(c) + self.mask
                prompt = prompt.view(P, c.key_heads, G, repeats, S).transpose(1, 2).reshape(R, c.key_heads, repeats, S)
                scores = torch.cat((prompt, scores), -1)
            weights = scores.softmax(-1).to(x.dtype)
            out = weights[..., S:] @ self.values[number, :, :, :seen]
            if S:
                part = weights[..., :S].reshape(P, G, c.key_heads, repeats, S).transpose(1, 2)
                part = part.reshape(P, c.key_heads, -1, S) @ self.prompt_values[number]
                part = part.view(P, c.key_heads, G, repeats, c.head).transpose(1, 2)
                out = out + part.reshape(R, c.key_heads, repeats, c.head)
            x = x + layer.self_attn.o_proj(out.reshape(R, -1))
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        self.taken += 1
        return self.policy.model.norm(x)

    def _choose(self, hidden, forced, uniform, drawn):
        guidance = self.shape["guidance"]
        if guidance is not None:
            pairs = hidden.view(-1, 2, self.size, hidden.shape[-1])
            # The head is linear: what guidance does to logits it may do to the rows before the head.
            hidden = (pairs[:, 1] + guidance * (pairs[:, 0] - pairs[:, 1])).reshape(-1, hidden.shape[-1])
        ids, logprobs = forced, torch.zeros(len(forced), device=self.device)
        temperature = self.shape["temperature"] or 1.0
        for index in drawn:
            segment = self.segments[index]
            logits = segment_logits(hidden, self.policy.lm_head.weight, **segment, inverse_temperature=1.0 / temperature)
            every = logits.log_softmax(-1)
            place = draw(every, uniform[:, None], self.shape)
            here = forced == -1 - index
            ids = torch.where(here, place + segment["start"], ids)
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
