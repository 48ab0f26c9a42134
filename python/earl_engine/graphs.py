"""Runs a graph of earl's compiler with torch, wherever its arrays lie: the losses travel as such graphs.

One entry an ONNX op; an op that is not here is an error when the graph is opened, not when it runs.
"""

import numpy as np
import torch
import torch.nn.functional as F

KINDS = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool}


def padded(x, pads):
    """ONNX lists all beginnings and then all ends; torch pairs them, the last axis first."""
    half = len(pads) // 2
    return F.pad(x, [value for pair in reversed(list(zip(pads[:half], pads[half:]))) for value in pair])


def convolution(x, weight, bias=None, *, strides, pads, **_):
    axes = len(pads) // 2
    if pads[:axes] != pads[axes:]:
        x, pads = padded(x, [0, 0, *pads[:axes], 0, 0, *pads[axes:]]), [0] * (2 * axes)
    return (F.conv1d, F.conv2d, F.conv3d)[axes - 1](x, weight, bias, stride=strides, padding=pads[:axes])


def fused_matmul(a, b, *, transA=0, transB=0, alpha=1.0, **_):
    return alpha * ((a.transpose(-1, -2) if transA else a) @ (b.transpose(-1, -2) if transB else b))


def gemm(a, b, c=None, *, transA=0, transB=0, alpha=1.0, beta=1.0):
    product = alpha * ((a.t() if transA else a) @ (b.t() if transB else b))
    return product if c is None else product + beta * c


def reshaped(x, shape):
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape.tolist())])


def sliced(x, starts, ends, axes=None, steps=None):
    for place, (start, end) in enumerate(zip(starts.tolist(), ends.tolist())):
        axis = place if axes is None else int(axes[place])
        x = x.narrow(axis, start, min(end, x.shape[axis]) - start)
    return x


def gathered(x, index, *, axis=0):
    picked = x.index_select(axis, index.reshape(-1))
    return picked.reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])


def scattered(x, index, updates, *, reduction):
    if reduction != "add":
        raise ValueError(f"ScatterND with reduction {reduction} is not known.")
    return x.index_add(0, index[:, 0], updates)


def enlarged(x, _roi, scales, _sizes=None, **_):
    for axis, scale in enumerate(scales.tolist()):
        if scale != 1:
            x = x.repeat_interleave(int(scale), axis)
    return x


def reduced(function):
    def op(x, axes=None, *, keepdims=1, **_):
        every = list(range(x.ndim)) if axes is None else axes.tolist()
        return function(x, every, bool(keepdims)) if every else x

    return op


OPS = {
    "Add": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "Div": torch.div,
    "Neg": torch.neg,
    "Exp": torch.exp,
    "Log": torch.log,
    "Sqrt": torch.sqrt,
    "Max": torch.maximum,
    "Min": torch.minimum,
    "Less": torch.lt,
    "LessOrEqual": torch.le,
    "Equal": torch.eq,
    "Where": torch.where,
    "Sigmoid": torch.sigmoid,
    "Identity": lambda x: x,
    "Cast": lambda x, *, to: x.to(KINDS[to]),
    "Softmax": lambda x, *, axis=-1: x.softmax(axis),
    "MatMul": torch.matmul,
    "FusedMatMul": fused_matmul,
    "Gemm": gemm,
    "Conv": convolution,
    "InstanceNormalization": lambda x, w, b, *, epsilon: F.group_norm(x, x.shape[1], w, b, epsilon),
    "Reshape": reshaped,
    "Transpose": lambda x, *, perm: x.permute(perm),
    "Expand": lambda x, shape: x.expand(torch.broadcast_shapes(x.shape, shape.tolist())),
    "Concat": lambda *x, axis: torch.cat(x, axis),
    "Slice": sliced,
    "Gather": gathered,
    "GatherElements": lambda x, index, *, axis=0: x.gather(axis, index),
    "ScatterND": scattered,
    "Resize": enlarged,
    "ReduceSum": reduced(lambda x, axes, keep: x.sum(axes, keepdim=keep)),
    "ReduceSumSquare": reduced(lambda x, axes, keep: (x * x).sum(axes, keepdim=keep)),
    "ReduceMax": reduced(lambda x, axes, keep: x.amax(axes, keepdim=keep)),
    "ArgMin": lambda x, *, axis, keepdims=1, **_: x.argmin(axis, keepdim=bool(keepdims)),
}


class Graph:
    def __init__(self, spec, device):
        """`spec`: nodes {op, in, out, attributes}, constants {type, dims, values}, inputs and outputs by name."""
        missing = {node["op"] for node in spec["nodes"]} - OPS.keys()
        if missing:
            raise ValueError(f"This engine has no {', '.join(sorted(missing))}.")
        self.spec, self.constants = spec, {}
        for name, constant in spec["constants"].items():
            values = np.array(constant["values"], constant["type"]).reshape(constant["dims"])
            # Shapes, axes and bounds are read by Python, not by the device.
            is_list = constant["type"] == "int64" and len(constant["dims"]) == 1
            self.constants[name] = torch.from_numpy(values).to("cpu" if is_list else device)
        last = {name: place for place, node in enumerate(spec["nodes"]) for name in node["in"] if name}
        self.ends = [[name for name, at in last.items() if at == place] for place in range(len(spec["nodes"]))]

    @torch.no_grad()
    def run(self, feeds):
        values = {**self.constants, **{name: feeds[name] for name in self.spec["inputs"]}}
        for node, ends in zip(self.spec["nodes"], self.ends):
            operands = [values[name] if name else None for name in node["in"]]
            values[node["out"]] = OPS[node["op"]](*operands, **node["attributes"])
            for name in ends:
                del values[name]
        return {name: values[name] for name in self.spec["outputs"]}
