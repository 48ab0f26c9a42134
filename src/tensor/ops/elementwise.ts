/** Element by element: arithmetic with broadcasting, comparisons, and the functions that losses and AdamW need. */

import { ELEMENT_TYPES } from "../onnx-schema.ts";
import type { Op, Value } from "../value.ts";
import { apply, broadcastShape, inputAt, requireShape } from "../value.ts";
import { sumTo } from "./broadcast.ts";
import { scalar } from "./leaves.ts";

type BinaryGradient = (left: Value, right: Value, result: Value, upstream: Value) => readonly [Value, Value];

function binary(name: string, onnx: string, gradient: BinaryGradient): Op {
  return {
    name,
    infer(inputs) {
      const [left, right] = inputs as [Value, Value];
      requireShape(left.type === right.type, name, inputs, "two tensors of one element type");
      return { shape: broadcastShape(name, left, right), type: left.type };
    },
    lower: (emitter, inputs) => emitter.node(onnx, inputs),
    gradient(value, upstream) {
      const left = inputAt(value, 0);
      const right = inputAt(value, 1);
      const [toLeft, toRight] = gradient(left, right, value, upstream);
      return [
        [left, sumTo(toLeft, left.shape)],
        [right, sumTo(toRight, right.shape)],
      ];
    },
  };
}

const addOp = binary("add", "Add", (_left, _right, _result, upstream) => [upstream, upstream]);
const subtractOp = binary("subtract", "Sub", (_left, _right, _result, upstream) => [
  upstream,
  negate(upstream),
]);
const multiplyOp = binary("multiply", "Mul", (left, right, _result, upstream) => [
  multiply(upstream, right),
  multiply(upstream, left),
]);
const divideOp = binary("divide", "Div", (_left, right, result, upstream) => [
  divide(upstream, right),
  negate(divide(multiply(upstream, result), right)),
]);
// At a tie the whole gradient flows to the first input, so that it is counted once.
const minimumOp = binary("minimum", "Min", (left, right, _result, upstream) => [
  where(less(right, left), scalar(0), upstream),
  where(less(right, left), upstream, scalar(0)),
]);
const maximumOp = binary("maximum", "Max", (left, right, _result, upstream) => [
  where(less(left, right), scalar(0), upstream),
  where(less(left, right), upstream, scalar(0)),
]);

export function add(left: Value, right: Value): Value {
  return apply(addOp, [left, right]);
}
export function subtract(left: Value, right: Value): Value {
  return apply(subtractOp, [left, right]);
}
export function multiply(left: Value, right: Value): Value {
  return apply(multiplyOp, [left, right]);
}
export function divide(left: Value, right: Value): Value {
  return apply(divideOp, [left, right]);
}
export function minimum(left: Value, right: Value): Value {
  return apply(minimumOp, [left, right]);
}
export function maximum(left: Value, right: Value): Value {
  return apply(maximumOp, [left, right]);
}

type UnaryGradient = (operand: Value, result: Value, upstream: Value) => Value;

function unary(name: string, onnx: string, gradient: UnaryGradient): Op {
  return {
    name,
    infer: ([operand]) => ({ shape: (operand as Value).shape, type: (operand as Value).type }),
    lower: (emitter, inputs) => emitter.node(onnx, inputs),
    gradient: (value, upstream) => [[inputAt(value, 0), gradient(inputAt(value, 0), value, upstream)]],
  };
}

const negateOp = unary("negate", "Neg", (_operand, _result, upstream) => negate(upstream));
const expOp = unary("exp", "Exp", (_operand, result, upstream) => multiply(upstream, result));
const logOp = unary("log", "Log", (operand, _result, upstream) => divide(upstream, operand));
const sqrtOp = unary("sqrt", "Sqrt", (_operand, result, upstream) =>
  divide(multiply(upstream, scalar(0.5)), result),
);
const sigmoidOp = unary("sigmoid", "Sigmoid", (_operand, result, upstream) =>
  multiply(upstream, multiply(result, subtract(scalar(1), result))),
);

export function negate(operand: Value): Value {
  return apply(negateOp, [operand]);
}
export function exp(operand: Value): Value {
  return apply(expOp, [operand]);
}
export function log(operand: Value): Value {
  return apply(logOp, [operand]);
}
export function sqrt(operand: Value): Value {
  return apply(sqrtOp, [operand]);
}
export function sigmoid(operand: Value): Value {
  return apply(sigmoidOp, [operand]);
}

const siluOp: Op = {
  ...unary("silu", "", (operand, result, upstream) => {
    const share = sigmoid(operand);
    return multiply(upstream, add(result, multiply(share, subtract(scalar(1), result))));
  }),
  lower(emitter, inputs) {
    if (!emitter.isCpu) return emitter.node("Mul", [...inputs, emitter.node("Sigmoid", inputs)]);
    return emitter.node("QuickGelu", inputs, {
      domain: "com.microsoft",
      attributes: { alpha: { float: 1 } },
    });
  },
};

/** x · sigmoid(x) (Elfwing et al. 2018), the activation inside SwiGLU. */
export function silu(operand: Value): Value {
  return apply(siluOp, [operand]);
}

function comparison(name: string, onnx: string): Op {
  return {
    name,
    infer: (inputs) => ({
      shape: broadcastShape(name, inputs[0] as Value, inputs[1] as Value),
      type: "bool",
    }),
    lower: (emitter, inputs) => emitter.node(onnx, inputs),
  };
}

const lessOp = comparison("less", "Less");
const lessOrEqualOp = comparison("less-or-equal", "LessOrEqual");
const equalOp = comparison("equal", "Equal");

export function less(left: Value, right: Value): Value {
  return apply(lessOp, [left, right]);
}
export function lessOrEqual(left: Value, right: Value): Value {
  return apply(lessOrEqualOp, [left, right]);
}
export function equal(left: Value, right: Value): Value {
  return apply(equalOp, [left, right]);
}

const whereOp: Op = {
  name: "where",
  infer(inputs) {
    const [condition, yes, no] = inputs as [Value, Value, Value];
    requireShape(
      condition.type === "bool" && yes.type === no.type,
      "where",
      inputs,
      "a condition and two alike tensors",
    );
    const branches = { ...yes, shape: broadcastShape("where", yes, no) };
    return { shape: broadcastShape("where", condition, branches), type: yes.type };
  },
  lower: (emitter, inputs) => emitter.node("Where", inputs),
  gradient(value, upstream) {
    const [condition, yes, no] = value.inputs as [Value, Value, Value];
    return [
      [yes, sumTo(where(condition, upstream, scalar(0)), yes.shape)],
      [no, sumTo(where(condition, scalar(0), upstream), no.shape)],
    ];
  },
};

/** `yes` where the condition holds, else `no`. */
export function where(condition: Value, yes: Value, no: Value): Value {
  return apply(whereOp, [condition, yes, no]);
}

const castOp: Op = {
  name: "cast",
  infer: ([operand], attributes) => ({
    shape: (operand as Value).shape,
    type: attributes["to"] as Value["type"],
  }),
  lower: (emitter, inputs, value) =>
    emitter.node("Cast", inputs, { attributes: { to: ELEMENT_TYPES[value.type] } }),
};

/** Changes the element type; no gradient flows through it. */
export function cast(operand: Value, to: Value["type"]): Value {
  return apply(castOp, [operand], { to });
}

const stopGradientOp: Op = {
  name: "stop-gradient",
  infer: ([operand]) => ({ shape: (operand as Value).shape, type: (operand as Value).type }),
  lower: (_emitter, [operand]) => operand as string,
  gradient: () => [],
};

/** The same numbers, taken as given: no gradient flows through. */
export function stopGradient(operand: Value): Value {
  return apply(stopGradientOp, [operand]);
}
