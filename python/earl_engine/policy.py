"""The policy as one torch module with Hugging Face's parameter names: Emu3 and LLaMA are the same maths.

Tokens of a training pass are flat [N]: of each group its prompt (s ids), then g completions of t ids each. The
caller says which rows predict which targets, and out of which slice of the vocabulary.
"""

from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention.bias import causal_lower_right
from torch.utils.checkpoint import checkpoint

# Added to logits of ids that may not be drawn; finite, so that no entropy becomes NaN.
MASKED = -1e9


@dataclass(frozen=True)
class Config:
    vocabulary: int
    width: int
    inner: int
    layers: int
    heads: int
    key_heads: int
    head: int
    epsilon: float
    theta: float
    tied: bool


class Norm(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(torch.ones(width)), epsilon

    def forward(self, x):
        wide = x.float()
        scaled = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return self.weight * scaled.to(x.dtype)


class Projection(nn.Linear):
    """x · Wᵀ, and with an adapter beside it x · Wᵀ + scale · (x · Aᵀ) · Bᵀ, never merged."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, bias=False)
        self.scale = None

    def adapt(self, rank, scale):
        self.scale = scale
        self.lora_A = nn.Linear(self.in_features, rank, bias=False)
        self.lora_B = nn.Linear(rank, self.out_features, bias=False)

    def forward(self, x):
        out = super().forward(x)
        if self.scale is None:
            return out
        down, up = self.lora_A.weight.to(x.dtype), (self.scale * self.lora_B.weight).to(x.dtype)
        return out + F.linear(F.linear(x, down), up)


def rotary(positions, config):
    """cos, and sin with the sign of the half that it is added to, of [N] positions: [N, 1, head] in float32."""
    exponents = torch.arange(0, config.head, 2, dtype=torch.int64, device=positions.device).float() / config.head
    angles = positions.float()[:, None, None] * (1.0 / (config.theta**exponents))
    return torch.cat((angles, angles), -1).cos(), torch.cat((-angles, angles), -1).sin()


def rotate(x, cos, sin):
    """Turns x [N, heads, head]."""
    wide = x.float()
    return torch.addcmul(wide * cos, wide.roll(x.shape[-1] // 2, -1), sin).to(x.dtype)


def group_attention(q, k, v, layout):
    """q [N, heads, d], k and v [N, key heads, d]; layout (s, g, t) of each group in order. [N, heads · d]"""
    # One split of each: backwards its parts are put together, where as many slices would be summed.
    parts = zip(*(x.split([rows for s, g, t in layout for rows in (s, g * t)]) for x in (q, k, v)))
    out = []
    for s, g, t in layout:
        prompt = [x.transpose(0, 1)[None] for x in next(parts)]
        if s:
            first = F.scaled_dot_product_attention(*prompt, is_causal=True, enable_gqa=True)
            out.append(first[0].transpose(0, 1).reshape(s, -1))
        queries, *own = (x.view(g, t, *x.shape[1:]).transpose(1, 2) for x in next(parts))
        seen = [torch.cat((kept.expand(g, -1, -1, -1), new), 2) for kept, new in zip(prompt[1:], own)]
        bias = causal_lower_right(t, s + t)
        rest = F.scaled_dot_product_attention(queries, *seen, attn_mask=bias, enable_gqa=True)
        out.append(rest.transpose(1, 2).reshape(g * t, -1))
    return torch.cat(out)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.q_proj = Projection(config.width, config.heads * config.head)
        self.k_proj = Projection(config.width, config.key_heads * config.head)
        self.v_proj = Projection(config.width, config.key_heads * config.head)
        self.o_proj = Projection(config.heads * config.head, config.width)

    def forward(self, x, cos, sin, attend):
        """`attend` makes [N, heads · d] of queries, keys and values [N, heads, d] of x [N, width]."""
        c = self.config
        q = rotate(self.q_proj(x).view(-1, c.heads, c.head), cos, sin)
        k = rotate(self.k_proj(x).view(-1, c.key_heads, c.head), cos, sin)
        return self.o_proj(attend(q, k, self.v_proj(x).view(-1, c.key_heads, c.head)))


class Mlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gate_proj = Projection(config.width, config.inner)
        self.up_proj = Projection(config.width, config.inner)
        self.down_proj = Projection(config.inner, config.width)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self_attn, self.mlp = Attention(config), Mlp(config)
        self.input_layernorm = Norm(config.width, config.epsilon)
        self.post_attention_layernorm = Norm(config.width, config.epsilon)

    def forward(self, x, cos, sin, attend):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, attend)
        return x + self.mlp(self.post_attention_layernorm(x))


class Trunk(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocabulary, config.width)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = Norm(config.width, config.epsilon)

    def forward(self, tokens, positions, attends, recompute=False):
        """Hidden states [N, width]; `attends`: how each layer attends."""
        turns, x = rotary(positions, self.config), self.embed_tokens(tokens)
        for layer, attend in zip(self.layers, attends):
            x = checkpoint(layer, x, *turns, attend, use_reentrant=False) if recompute else layer(x, *turns, attend)
        return self.norm(x)


class Segment:
    """A slice of the vocabulary, of which some ids may not be drawn."""

    def __init__(self, start, end, banned, device):
        self.start, self.end, self.bias = start, end, None
        if banned:
            self.bias = torch.zeros(end - start, device=device)
            self.bias[torch.tensor(banned, device=device) - start] = MASKED

    def logits(self, rows, weight, inverse_temperature):
        """[N, end − start] in float32."""
        logits = F.linear(rows, weight[self.start : self.end]).float()
        logits = logits if inverse_temperature == 1.0 else logits * inverse_temperature
        return logits if self.bias is None else logits + self.bias


class Head(nn.Module):
    """Log-probabilities and entropies of targets. Logits that are more than there is room for are made in chunks of rows,
    and again backwards."""

    def __init__(self, config):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(config.vocabulary, config.width))

    def forward(self, hidden, segments, inverse_temperature, room=2**25):
        def part(rows, targets, segment):
            every = segment.logits(rows, self.weight, inverse_temperature).log_softmax(-1)
            known = every.detach()
            return every.gather(-1, targets[:, None])[:, 0], -(known.exp() * known).sum(-1)

        parts = []
        for segment, places, targets in segments:
            rows, chunk = hidden[places], max(1, room // (segment.end - segment.start))
            is_large = torch.is_grad_enabled() and len(rows) > chunk
            made = partial(checkpoint, part, use_reentrant=False) if is_large else part
            parts += [made(*piece, segment) for piece in zip(rows.split(chunk), targets.split(chunk))]
        return torch.cat([logprobs for logprobs, _ in parts]), torch.cat([entropy for _, entropy in parts])


class Policy(nn.Module):
    def __init__(self, config, adapters=None):
        """`adapters`: rank, scale, and the modules whose names end where `.lora_A.weight` begins."""
        super().__init__()
        self.config = config
        self.model, self.lm_head = Trunk(config), Head(config)
        if config.tied:
            self.lm_head.weight = self.model.embed_tokens.weight
        if adapters is not None:
            for name, module in self.named_modules():
                if name in adapters["modules"]:
                    module.adapt(adapters["rank"], adapters["scale"])

    def forward(self, tokens, positions, layout, segments, inverse_temperature, recompute=False):
        """Log-probabilities and entropies [free tokens], the segments' one after the other, in float32.

        `segments`: each with the rows of the hidden states that predict its tokens, and their places in it.
        """
        attends = [partial(group_attention, layout=layout)] * self.config.layers
        hidden = self.model(tokens, positions, attends, recompute and torch.is_grad_enabled())
        return self.lm_head(hidden, segments, inverse_temperature)
