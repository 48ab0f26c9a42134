"""Runs a graph of earl's compiler with torch, wherever its arrays lie: losses and pictures' codes travel as such graphs.

One entry an ONNX op; an op that is not here is an error when the graph is opened, not when it runs.
"""

import numpy as np
import torch
import torch.nn.functional as F

KINDS = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool}


def reshaped(x, shape):
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape.tolist())])


def gathered(x, index, *, axis=0):
    picked = x.index_select(axis, index.reshape(-1))
    return picked.reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])


def scattered(x, index, updates, *, reduction):
    if reduction != "add" or index.shape[1] != 1:
        raise ValueError("Of ScatterND only sums of whole rows are known.")
    return x.index_add(0, index[:, 0], updates)


def summed(x, axes=None, *, keepdims=1, **_):
    every = list(range(x.ndim)) if axes is None else axes.tolist()
    return x.sum(every, keepdim=bool(keepdims)) if every else x


def convolved(x, weight, bias=None, *, strides, pads, **_):
    half = len(pads) // 2
    first, last = pads[:half], pads[half:]
    if first != last:
        # F.pad begins with the last axis.
        x, first = F.pad(x, [size for pair in reversed(list(zip(first, last))) for size in pair]), [0] * half
    return torch.convolution(x, weight, bias, strides, first, [1] * half, False, [0] * half, 1)


def sliced(x, starts, ends, axes):
    for axis, start, end in zip(axes.tolist(), starts.tolist(), ends.tolist()):
        x = x.narrow(axis, start, end - start)
    return x


def resized(x, _region, scales, **_):
    for axis, times in enumerate(scales.tolist()):
        x = x.repeat_interleave(int(times), axis) if times != 1 else x
    return x


OPS = {
    "Add": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "Div": torch.div,
    "Neg": torch.neg,
    "Exp": torch.exp,
    "Sqrt": torch.sqrt,
    "Sigmoid": torch.sigmoid,
    "Max": torch.maximum,
    "Min": torch.minimum,
    "Less": torch.lt,
    "Where": torch.where,
    "Identity": lambda x: x,
    "Cast": lambda x, *, to: x.to(KINDS[to]),
    "Reshape": reshaped,
    "Expand": lambda x, shape: x.expand(torch.broadcast_shapes(x.shape, shape.tolist())),
    "Gather": gathered,
    "ScatterND": scattered,
    "ReduceSum": summed,
    "ReduceSumSquare": lambda x, axes, *, keepdims: summed(x * x, axes, keepdims=keepdims),
    "ArgMin": lambda x, *, axis, keepdims: x.argmin(axis, keepdim=bool(keepdims)),
    "Softmax": lambda x, *, axis: x.softmax(axis),
    "MatMul": torch.matmul,
    "Gemm": lambda x, y, bias, *, transB, **scales: torch.addmm(bias, x, y.t() if transB else y, **scales),
    "Conv": convolved,
    "InstanceNormalization": lambda x, weight, bias, *, epsilon: F.instance_norm(x, weight=weight, bias=bias, eps=epsilon),
    "Resize": resized,
    "Transpose": lambda x, *, perm: x.permute(perm),
    "Slice": sliced,
    "Concat": lambda *parts, axis: torch.cat(parts, axis),
}


class Graph:
    def __init__(self, spec, device):
        """`spec`: nodes {op, in, out, attributes}, constants {type, dims, values}, the shape of each input, outputs."""
        missing = {node["op"] for node in spec["nodes"]} - OPS.keys()
        if missing:
            raise ValueError(f"This engine has no {', '.join(sorted(missing))}.")
        self.spec, self.constants = spec, {}
        for name, constant in spec["constants"].items():
            values = np.array(constant["values"], constant["type"]).reshape(constant["dims"])
            # Shapes and axes are read by Python, not by the device.
            is_list = constant["type"] == "int64" and len(constant["dims"]) == 1
            self.constants[name] = torch.from_numpy(values).to("cpu" if is_list else device)
        last = {name: place for place, node in enumerate(spec["nodes"]) for name in node["in"] if name}
        # One output may be computed from another, so what is asked for stays.
        freed = {name: at for name, at in last.items() if name not in spec["outputs"]}
        self.ends = [[name for name, at in freed.items() if at == place] for place in range(len(spec["nodes"]))]

    @torch.no_grad()
    def run(self, feeds):
        values = {**self.constants, **{name: feeds[name].view(shape) for name, shape in self.spec["inputs"].items()}}
        for node, ends in zip(self.spec["nodes"], self.ends):
            operands = [values[name] if name else None for name in node["in"]]
            values[node["out"]] = OPS[node["op"]](*operands, **node["attributes"])
            for name in ends:
                del values[name]
        return {name: values[name] for name in self.spec["outputs"]}
