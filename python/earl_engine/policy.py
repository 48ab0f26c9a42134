"""The policy as one torch module with Hugging Face's parameter names: Emu3 and LLaMA are the same maths.

Tokens of a training pass are flat [N]: of each group its prompt (s ids), then g completions of t ids each. The
caller says which rows predict which targets, and out of which slice of the vocabulary.
"""

import math
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Adapters:
    """LoRA beside some projections: their names end where `.lora_A.weight` begins."""

    rank: int
    scale: float
    modules: list


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
    """cos and sin of [N] positions, [N, head] in float32."""
    exponents = torch.arange(0, config.head, 2, dtype=torch.int64, device=positions.device).float() / config.head
    angles = positions.float()[:, None] * (1.0 / (config.theta**exponents))
    angles = torch.cat((angles, angles), -1)
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    """Turns x [N, heads, head]."""
    left, right = x.float().chunk(2, -1)
    turned = torch.cat((-right, left), -1)
    return (x.float() * cos[:, None] + turned * sin[:, None]).to(x.dtype)


def group_attention(q, k, v, layout):
    """q [N, heads, d], k and v [N, key heads, d]; layout (s, g, t) of each group in order. [N, heads · d]"""
    out, at = [], 0
    for s, g, t in layout:
        prompt = [x[at : at + s].transpose(0, 1)[None] for x in (q, k, v)]
        if s:
            first = F.scaled_dot_product_attention(*prompt, is_causal=True, enable_gqa=True)
            out.append(first[0].transpose(0, 1).reshape(s, -1))
        at += s
        queries, keys, values = (x[at : at + g * t].view(g, t, *x.shape[1:]).transpose(1, 2) for x in (q, k, v))
        keys = torch.cat((prompt[1].expand(g, -1, -1, -1), keys), 2)
        values = torch.cat((prompt[2].expand(g, -1, -1, -1), values), 2)
        bias = causal_lower_right(t, s + t)
        rest = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias, enable_gqa=True)
        out.append(rest.transpose(1, 2).reshape(g * t, -1))
        at += g * t
    return torch.cat(out)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.q_proj = Projection(config.width, config.heads * config.head)
        self.k_proj = Projection(config.width, config.key_heads * config.head)
        self.v_proj = Projection(config.width, config.key_heads * config.head)
        self.o_proj = Projection(config.heads * config.head, config.width)

    def turned(self, x, cos, sin):
        """Queries, keys and values [N, heads, d] of x [N, width]."""
        c = self.config
        q = rotate(self.q_proj(x).view(-1, c.heads, c.head), cos, sin)
        k = rotate(self.k_proj(x).view(-1, c.key_heads, c.head), cos, sin)
        return q, k, self.v_proj(x).view(-1, c.key_heads, c.head)

    def forward(self, x, cos, sin, layout):
        return self.o_proj(group_attention(*self.turned(x, cos, sin), layout))


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

    def forward(self, x, cos, sin, layout):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, layout)
        return x + self.mlp(self.post_attention_layernorm(x))


class Trunk(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocabulary, config.width)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = Norm(config.width, config.epsilon)


@dataclass(frozen=True)
class Targets:
    """Free tokens of one segment: the rows of the hidden states that predict them, and their places in the segment."""

    start: int
    end: int
    banned: list
    rows: torch.Tensor
    targets: torch.Tensor


def segment_logits(rows, weight, start, end, banned, inverse_temperature):
    """[N, end − start] in float32, of a slice of the vocabulary alone."""
    logits = F.linear(rows, weight[start:end]).float() * inverse_temperature
    if not banned:
        return logits
    bias = torch.zeros(end - start, device=logits.device)
    bias[torch.tensor(banned, device=logits.device) - start] = MASKED
    return logits + bias


class Head(nn.Module):
    """Log-probabilities and entropies of targets, a chunk of rows at a time: a chunk's logits are computed again backwards."""

    def __init__(self, config):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(config.vocabulary, config.width))

    def forward(self, hidden, segments, inverse_temperature, chunk=1024):
        def part(rows, targets, segment):
            s = segment
            logits = segment_logits(rows, self.weight, s.start, s.end, s.banned, inverse_temperature)
            every = logits.log_softmax(-1)
            entropy = -(every.exp() * every).sum(-1).detach()
            return every.gather(-1, targets[:, None])[:, 0], entropy

        parts = []
        for segment in segments:
            rows = hidden[segment.rows]
            for piece, targets in zip(rows.split(chunk), segment.targets.split(chunk)):
                if torch.is_grad_enabled() and len(rows) > chunk:
                    parts.append(checkpoint(part, piece, targets, segment, use_reentrant=False))
                else:
                    parts.append(part(piece, targets, segment))
        return torch.cat([logprobs for logprobs, _ in parts]), torch.cat([entropy for _, entropy in parts])


class Policy(nn.Module):
    def __init__(self, config, adapters=None):
        super().__init__()
        self.config = config
        self.model, self.lm_head = Trunk(config), Head(config)
        if config.tied:
            self.lm_head.weight = self.model.embed_tokens.weight
        if adapters is not None:
            for name, module in self.named_modules():
                if name in adapters.modules:
                    module.adapt(adapters.rank, adapters.scale)

    def forward(self, tokens, positions, layout, segments, inverse_temperature, recompute=False):
        """Log-probabilities and entropies [free tokens], the segments' one after the other, in float32."""
        cos, sin = rotary(positions, self.config)
        x = self.model.embed_tokens(tokens)
        for layer in self.model.layers:
            if recompute and torch.is_grad_enabled():
                x = checkpoint(layer, x, cos, sin, layout, use_reentrant=False)
            else:
                x = layer(x, cos, sin, layout)
        return self.lm_head(self.model.norm(x), segments, inverse_temperature)


def softmax_scale(config):
    return 1.0 / math.sqrt(config.head)
