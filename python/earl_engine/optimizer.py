"""What moves the parameters of a rank, in float32: AdamW, and Muon for the matrices that the caller names."""

import math

import torch

from .checkpoint import fill, local, span, whole

# As checkpoints name them, and torch.
MOMENTS = {"m:": "exp_avg", "v:": "exp_avg_sq"}
A, B, C, LEAST_NORM = 3.4445, -4.775, 2.0315, 1e-7


class Optimizer:
    def __init__(self, learned, said, matrices, device):
        """`learned`: parameters by name, here or in the node's memory; `said`: settings."""
        self.names, self.most, self.rules = {p: name for name, p in learned.items()}, said["maxGradNorm"], []
        others = [p for name, p in learned.items() if name not in matrices]
        if others:
            # JSON writes a whole number without a point, and torch wants both to be of one type.
            decays = (float(said["beta1"]), float(said["beta2"]))
            rest = {"betas": decays, "eps": said["epsilon"], "weight_decay": said["weightDecay"]}
            self.rules.append(torch.optim.AdamW(others, lr=0.0, fused=True, **rest))
        if matrices:
            self.rules.append(Muon([learned[name] for name in matrices], said, device))

    def step(self, learning_rate, norm):
        """Moves along the gradient, whose norm over all ranks is given, and forgets it."""
        torch.nn.utils.clip_grads_with_norm_(self.names, self.most, norm)
        for rule in self.rules:
            rule.param_groups[0]["lr"] = learning_rate
            rule.step()
        self.forget()

    def forget(self):
        for parameter in self.names:
            parameter.grad = None

    def moments(self):
        """By name: of every parameter after the first step, of its square where AdamW moves it."""
        kept = [(self.names[p], state) for rule in self.rules for p, state in rule.state.items()]
        return {mark + name: state[key] for name, state in kept for mark, key in MOMENTS.items() if key in state}

    def restore(self, source, step):
        """What was remembered after so many steps."""
        for rule in self.rules:
            rule.state.clear()
            for parameter in rule.param_groups[0]["params"] if step else []:
                state = rule.state[parameter] = {"step": torch.tensor(float(step))}
                for mark, key in MOMENTS.items():
                    if (name := mark + self.names[parameter]) in source:
                        state[key] = torch.zeros_like(parameter)
                        fill(state[key], source, name)


class Muon(torch.optim.Optimizer):
    """As src/engine/onnx/muon.ts, which names its sources. Torch's own rounds to bfloat16, and knows no shards."""

    def __init__(self, matrices, said, device):
        super().__init__(matrices, {"lr": 0.0})
        self.said, self.device = said, device

    @torch.no_grad()
    def step(self):
        (group,) = self.param_groups
        momentum, rate = self.said["momentum"], group["lr"]
        for matrix in group["params"]:
            mean = self.state[matrix].setdefault("exp_avg", torch.zeros_like(matrix))
            mean.lerp_(matrix.grad, 1 - momentum)
            # Nesterov's: the mean as it will be after a step more of this gradient. A shard has no singular values.
            ahead = whole(matrix.grad.lerp(mean, momentum)).to(self.device)
            first, last = span(matrix)
            own = local(matrix).mul_(1 - rate * self.said["weightDecay"])
            length = rate * self.said["matrixScale"] * math.sqrt(max(matrix.shape))
            own.sub_(orthogonalised(ahead, self.said["iterations"])[first:last].to(own.device), alpha=length)


def orthogonalised(matrix, iterations):
    """With singular values near 1."""
    # The product with itself is taken on the shorter side.
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if is_tall else matrix) / matrix.norm().clamp(min=LEAST_NORM)
    for _ in range(iterations):
        gram = x @ x.T
        x = A * x + (B * gram + C * gram @ gram) @ x
    return x.T if is_tall else x
