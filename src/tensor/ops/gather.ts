/** Looking rows and elements up by index. */

import type { Op, Value } from "../value.ts";
import { apply, inputAt, requireShape, sizeOf } from "../value.ts";
import { exp, multiply, negate } from "./elementwise.ts";
import { logSoftmax } from "./normalize.ts";
import { reshape } from "./shape.ts";

const gatherOp: Op = {
  name: "gather",
  infer(inputs) {
    const [table, indices] = inputs as [Value, Value];
    requireShape(indices.type === "int64", "gather", inputs, "a table and int64 indices");
    return { shape: [...indices.shape, ...table.shape.slice(1)], type: table.type };
  },
  lower: (emitter, inputs) => emitter.node("Gather", inputs, { attributes: { axis: 0 } }),
  gradient(value, upstream) {
    const [table, indices] = value.inputs as [Value, Value];
    return [[table, scatterAdd(upstream, indices, table.shape[0] as number)]];
  },
};

/**
 * Values that one ScatterND may add. On the CPU it hands updates to several threads whatever their indices, so that
 * updates of the same row overwrite each other (microsoft/onnxruntime#18048), unless it takes them for too few: below
 * 210,000 values by the costs of its thread pool.
 */
const MOST_SCATTERED = 100_000;

const scatterAddOp: Op = {
  name: "scatter-add",
  infer([rows, indices], attributes) {
    const tail = (rows as Value).shape.slice((indices as Value).shape.length);
    return { shape: [attributes["rows"] as number, ...tail], type: "float32" };
  },
  lower(emitter, [rows, indices], value) {
    const [rowShape, indexShape] = [inputAt(value, 0).shape, inputAt(value, 1).shape];
    const count = sizeOf(indexShape);
    const width = sizeOf(rowShape) / count;
    const flat = emitter.node("Reshape", [rows as string, emitter.integers([count, width])]);
    const column = emitter.node("Reshape", [indices as string, emitter.integers([count, 1])]);
    const table = [value.shape[0] as number, width];
    let sum = emitter.node("Expand", [emitter.scalar(0), emitter.integers(table)]);
    const step = emitter.isCpu ? Math.max(1, Math.floor(MOST_SCATTERED / width)) : count;
    for (let start = 0; start < count; start += step) {
      const bounds = [start, Math.min(count, start + step)].map((at) => emitter.integers([at]));
      const part = (all: string): string =>
        step >= count ? all : emitter.node("Slice", [all, ...bounds, emitter.integers([0])]);
      sum = emitter.node("ScatterND", [sum, part(column), part(flat)], { attributes: { reduction: "add" } });
    }
    return emitter.node("Reshape", [sum, emitter.integers(value.shape)]);
  },
  gradient(value, upstream) {
    return [[inputAt(value, 0), gather(upstream, inputAt(value, 1))]];
  },
};

/** Adds rows [N, …] up into `count` rows by int64 `indices` [N]: the opposite of `gather`. */
export function scatterAdd(rows: Value, indices: Value, count: number): Value {
  return apply(scatterAddOp, [rows, indices], { rows: count });
}

/** Rows of `table` [R, …] by int64 `indices` [I…]: [I…, …]. */
export function gather(table: Value, indices: Value): Value {
  return apply(gatherOp, [table, indices]);
}

const gatherLastOp: Op = {
  name: "gather-last",
  infer([operand, indices]) {
    return { shape: (indices as Value).shape, type: (operand as Value).type };
  },
  lower: (emitter, inputs) => emitter.node("GatherElements", inputs, { attributes: { axis: -1 } }),
};

/** For each row of [N, V], the elements at `indices` [N, K] int64; without gradient. */
export function gatherLast(operand: Value, indices: Value): Value {
  return apply(gatherLastOp, [operand, indices]);
}

const addAtOp: Op = {
  name: "add-at",
  infer: ([operand]) => ({ shape: (operand as Value).shape, type: "float32" }),
  lower(emitter, [operand, indices, updates]) {
    return emitter.node("ScatterElements", [operand as string, indices as string, updates as string], {
      attributes: { axis: -1, reduction: "add" },
    });
  },
};

// One op, so that the gradient (one-hot − softmax) is formed without a one-hot matrix.
const tokenLogprobOp: Op = {
  name: "token-logprob",
  infer(inputs) {
    const [logprobs, targets] = inputs as [Value, Value, Value];
    requireShape(
      logprobs.shape[0] === targets.shape[0] && targets.type === "int64",
      "token-logprob",
      inputs,
      "[N, V] and [N] int64",
    );
    return { shape: targets.shape, type: "float32" };
  },
  lower(emitter, [logprobs, targets], value) {
    const count = value.shape[0] as number;
    const column = emitter.node("Reshape", [targets as string, emitter.integers([count, 1])]);
    const chosen = emitter.node("GatherElements", [logprobs as string, column], { attributes: { axis: -1 } });
    return emitter.node("Reshape", [chosen, emitter.integers([count])]);
  },
  gradient(value, upstream) {
    const [logprobs, targets, logits] = value.inputs as [Value, Value, Value];
    const count = targets.shape[0] as number;
    const column = reshape(upstream, [count, 1]);
    const pushed = multiply(exp(logprobs), negate(column));
    return [[logits, apply(addAtOp, [pushed, reshape(targets, [count, 1]), column])]];
  },
};

/** Log-probabilities of target ids. */
export interface TokenLogprobs {
  /** Of the targets, [N]; differentiable. */
  readonly chosen: Value;
  /** Of every id, [N, V]; its own gradient is that of log-softmax. */
  readonly all: Value;
}

/** log softmax(logits)[target] for logits [N, V] and targets [N] int64. */
export function tokenLogprobs(logits: Value, targets: Value): TokenLogprobs {
  const all = logSoftmax(logits);
  return { chosen: apply(tokenLogprobOp, [all, targets, logits]), all };
}
