/** Softmax, log-softmax and RMSNorm. */

import type { Op, Value } from "../value.ts";
import { apply, inputAt, sizeOf } from "../value.ts";
import { sum } from "./broadcast.ts";
import { exp, multiply, subtract } from "./elementwise.ts";
import { matmul } from "./matmul.ts";
import { reshape } from "./shape.ts";

function overLastAxis(name: string, onnx: string, gradient: (result: Value, upstream: Value) => Value): Op {
  return {
    name,
    infer: ([operand]) => ({ shape: (operand as Value).shape, type: "float32" }),
    lower: (emitter, inputs) => emitter.node(onnx, inputs, { attributes: { axis: -1 } }),
    gradient: (value, upstream) => [[inputAt(value, 0), gradient(value, upstream)]],
  };
}

const softmaxOp = overLastAxis("softmax", "Softmax", (result, upstream) => {
  const weighted = multiply(upstream, result);
  return subtract(weighted, multiply(result, sum(weighted, [-1], true)));
});
const logSoftmaxOp: Op = {
  ...overLastAxis("log-softmax", "LogSoftmax", (result, upstream) =>
    subtract(upstream, multiply(exp(result), sum(upstream, [-1], true))),
  ),
  lower(emitter, [operand], value) {
    if (emitter.isCpu) return emitter.node("LogSoftmax", [operand as string], { attributes: { axis: -1 } });
    // The WebGPU provider has no such kernel and would take the logits to the CPU and back.
    const axis = emitter.integers([value.shape.length - 1]);
    const shifted = emitter.node("Sub", [
      operand as string,
      emitter.node("ReduceMax", [operand as string, axis]),
    ]);
    const total = emitter.node("ReduceSum", [emitter.node("Exp", [shifted]), axis]);
    return emitter.node("Sub", [shifted, emitter.node("Log", [total])]);
  },
};

/** Probabilities over the last axis. */
export function softmax(operand: Value): Value {
  return apply(softmaxOp, [operand]);
}

/** Log-probabilities over the last axis. */
export function logSoftmax(operand: Value): Value {
  return apply(logSoftmaxOp, [operand]);
}

// On the CPU, onnxruntime's fused kernel also returns 1/rms, which the gradient needs.
const rmsNormOp: Op = {
  name: "rms-norm",
  infer: ([operand]) => ({ shape: (operand as Value).shape, type: "float32" }),
  lower(emitter, inputs, value) {
    const epsilon = value.attributes["epsilon"] as number;
    return emitter.node("SimplifiedLayerNormalization", inputs, {
      attributes: { axis: -1, epsilon: { float: epsilon }, stash_type: 1 },
      outputs: emitter.isCpu ? 2 : 1,
    });
  },
  // With r = 1/rms and p = dy · x, element by element: dw = Σ rows r · p, and dx = r · w · dy − x · r³ · mean(w · p).
  // Both sums are products with a vector, which read p once.
  gradient(value, upstream) {
    const [operand, weight] = value.inputs as [Value, Value];
    const width = weight.shape[0] as number;
    const count = sizeOf(operand.shape) / width;
    const inverse = apply(inverseRmsOp, [value, operand], value.attributes);
    const along = multiply(upstream, operand);
    const rows = reshape(along, [count, width]);
    const factor = reshape(inverse, [count, 1]);
    const dot = reshape(
      matmul(rows, reshape(weight, [width, 1]), { scale: 1 / width, isSum: true }),
      inverse.shape,
    );
    const cube = multiply(multiply(inverse, inverse), inverse);
    return [
      [
        operand,
        subtract(multiply(multiply(upstream, weight), inverse), multiply(operand, multiply(dot, cube))),
      ],
      [weight, reshape(matmul(factor, rows, { transposeLeft: true, isSum: true }), [width])],
    ];
  },
};

const inverseRmsOp: Op = {
  name: "inverse-rms",
  infer: ([normal]) => ({ shape: [...(normal as Value).shape.slice(0, -1), 1], type: "float32" }),
  lower(emitter, [normal, operand], value) {
    if (emitter.isCpu) return emitter.outputOf(normal as string, 1);
    // The WebGPU kernel takes a second output without complaint and never writes it.
    const { shape } = inputAt(value, 1);
    const axis = emitter.integers([shape.length - 1]);
    const squares = emitter.node("ReduceSumSquare", [operand as string, axis]);
    const meanSquare = emitter.node("Mul", [squares, emitter.scalar(1 / (shape.at(-1) as number))]);
    const padded = emitter.node("Add", [meanSquare, emitter.scalar(value.attributes["epsilon"] as number)]);
    return emitter.node("Reciprocal", [emitter.node("Sqrt", [padded])]);
  },
};

/** x / √(mean(x²) + ε) · weight over the last axis (Zhang & Sennrich 2019, eq. 4). */
export function rmsNorm(operand: Value, weight: Value, epsilon: number): Value {
  return apply(rmsNormOp, [operand, weight], { epsilon });
}
