/**
 * Convolution over any number of spatial axes, its transpose, and the gradient to its weight. The three are one
 * trilinear form read in three directions (Dumoulin & Visin 2016, ch. 4), so each one's gradients are the other two.
 */

import type { Emitter } from "../emitter.ts";
import type { Attributes, Op, Shape, Value } from "../value.ts";
import { apply, inputAt, requireShape, sizeOf } from "../value.ts";
import { sum } from "./broadcast.ts";

export interface ConvolutionOptions {
  /** Step along each spatial axis; 1 where not given. */
  readonly stride?: Shape;
  /** Zeros before the first and after the last element of each spatial axis; none where not given. */
  readonly before?: Shape;
  readonly after?: Shape;
}

interface Window {
  readonly stride: Shape;
  readonly before: Shape;
  readonly after: Shape;
}

function windowOf(attributes: Attributes): Window {
  return {
    stride: attributes["stride"] as Shape,
    before: attributes["before"] as Shape,
    after: attributes["after"] as Shape,
  };
}

/** Elements along one axis after the window has moved over `size` of them. */
function steps(size: number, kernel: number, window: Window, axis: number): number {
  const padded = size + (window.before[axis] as number) + (window.after[axis] as number);
  return Math.floor((padded - kernel) / (window.stride[axis] as number)) + 1;
}

function onnxWindow(kernel: Shape, window: Window): Record<string, readonly number[]> {
  return { kernel_shape: kernel, strides: window.stride, pads: [...window.before, ...window.after] };
}

function convolutionFlops(small: Shape, weight: Shape): number {
  return 2 * (small[0] as number) * sizeOf(small.slice(2)) * sizeOf(weight);
}

const convolutionOp: Op = {
  name: "convolution",
  infer(inputs, attributes) {
    const [operand, weight, bias] = inputs as [Value, Value, Value?];
    const window = windowOf(attributes);
    const kernel = weight.shape.slice(2);
    const spatial = operand.shape.slice(2).map((size, axis) => steps(size, kernel[axis] ?? 0, window, axis));
    const isFitting =
      kernel.length >= 1 &&
      operand.shape.length === weight.shape.length &&
      operand.shape[1] === weight.shape[1] &&
      (bias === undefined || (bias.shape.length === 1 && bias.shape[0] === weight.shape[0])) &&
      [window.stride, window.before, window.after].every((list) => list.length === kernel.length) &&
      spatial.every((size) => size > 0);
    requireShape(isFitting, "convolution", inputs, "[B, I, …] and a weight [O, I, …] whose window fits in");
    return { shape: [operand.shape[0] as number, weight.shape[0] as number, ...spatial], type: "float32" };
  },
  lower(emitter, inputs, value) {
    const kernel = inputAt(value, 1).shape.slice(2);
    return emitter.node("Conv", inputs, { attributes: onnxWindow(kernel, windowOf(value.attributes)) });
  },
  gradient(value, upstream) {
    const [operand, weight, bias] = value.inputs as [Value, Value, Value?];
    const everywhere = value.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
    return [
      [operand, spread(upstream, weight, operand.shape, value.attributes)],
      [weight, weightGradient(operand, upstream, weight.shape, value.attributes)],
      ...(bias === undefined ? [] : [[bias, sum(upstream, everywhere)] as const]),
    ];
  },
  flops: (value) => convolutionFlops(value.shape, inputAt(value, 1).shape),
};

// The transpose: what each output element saw is added to where it was seen.
const spreadOp: Op = {
  name: "convolution-transpose",
  infer: (_inputs, attributes) => ({ shape: attributes["shape"] as Shape, type: "float32" }),
  lower(emitter, inputs, value) {
    const window = windowOf(value.attributes);
    const kernel = inputAt(value, 1).shape.slice(2);
    const small = inputAt(value, 0).shape.slice(2);
    // Elements at the end that a stride passes over: no window saw them, and their gradient is zero.
    const passed = value.shape.slice(2).map((size, axis) => {
      const padded = size + (window.before[axis] as number) + (window.after[axis] as number);
      return (
        padded - (kernel[axis] as number) - ((small[axis] as number) - 1) * (window.stride[axis] as number)
      );
    });
    return emitter.node("ConvTranspose", inputs, {
      attributes: { ...onnxWindow(kernel, window), output_padding: passed },
    });
  },
  gradient(value, upstream) {
    const [operand, weight] = value.inputs as [Value, Value];
    return [
      [operand, apply(convolutionOp, [upstream, weight], value.attributes)],
      [weight, weightGradient(upstream, operand, weight.shape, value.attributes)],
    ];
  },
  flops: (value) => convolutionFlops(inputAt(value, 0).shape, inputAt(value, 1).shape),
};

function spread(small: Value, weight: Value, shape: Shape, attributes: Attributes): Value {
  const { stride, before, after } = windowOf(attributes);
  return apply(spreadOp, [small, weight], { stride, before, after, shape });
}

// A matrix product for each place of the window: onnxruntime's own convolution is slow where the kernel is a picture.
const weightGradientOp: Op = {
  name: "convolution-weight-gradient",
  infer: (_inputs, attributes) => ({ shape: attributes["shape"] as Shape, type: "float32" }),
  lower(emitter, [operand, upstream], value) {
    const window = windowOf(value.attributes);
    const [shape, small] = [inputAt(value, 0).shape, inputAt(value, 1).shape];
    const padded = emitter.node("Pad", [
      operand as string,
      emitter.integers([0, 0, ...window.before, 0, 0, ...window.after]),
    ]);
    const flat = (name: string, channels: number): string =>
      emitter.node("Reshape", [
        name,
        emitter.integers([small[0] as number, channels, sizeOf(small.slice(2))]),
      ]);
    const right = flat(upstream as string, small[1] as number);
    const products = placesOf(value.shape.slice(2)).map((place) => {
      const bounds = seenFrom(place, small.slice(2), window.stride);
      const axes = place.map((_, axis) => axis + 2);
      const lists = [...bounds, axes, window.stride].map((list) => emitter.integers(list));
      const seen = emitter.node("Slice", [padded, ...lists]);
      return summedProduct(emitter, right, flat(seen, shape[1] as number));
    });
    const stacked = emitter.node("Concat", products, { attributes: { axis: 0 } });
    const [outputs, inputs] = value.shape as [number, number];
    const apart = emitter.node("Reshape", [stacked, emitter.integers([products.length, outputs, inputs])]);
    const last = emitter.node("Transpose", [apart], { attributes: { perm: [1, 2, 0] } });
    return emitter.node("Reshape", [last, emitter.integers(value.shape)]);
  },
  gradient(value, upstream) {
    const [operand, small] = value.inputs as [Value, Value];
    return [
      [operand, spread(small, upstream, operand.shape, value.attributes)],
      [small, apply(convolutionOp, [operand, upstream], value.attributes)],
    ];
  },
  flops: (value) => convolutionFlops(inputAt(value, 1).shape, value.shape),
};

function weightGradient(operand: Value, small: Value, shape: Shape, attributes: Attributes): Value {
  const { stride, before, after } = windowOf(attributes);
  return apply(weightGradientOp, [operand, small], { stride, before, after, shape });
}

/** Every place of a window, the last axis fastest. */
function placesOf(kernel: Shape): number[][] {
  return kernel.reduce<number[][]>(
    (places, size) =>
      places.flatMap((place) => Array.from({ length: size }, (_, index) => [...place, index])),
    [[]],
  );
}

/** First and one past the last element that one place of the window sees along each axis. */
function seenFrom(place: Shape, size: Shape, stride: Shape): readonly [Shape, Shape] {
  return [
    place,
    place.map((start, axis) => start + ((size[axis] as number) - 1) * (stride[axis] as number) + 1),
  ];
}

/** Σ over the batch of left · rightᵀ: [B, O, N] and [B, I, N] give [1, O, I]. */
function summedProduct(emitter: Emitter, left: string, right: string): string {
  const product = emitter.isCpu
    ? emitter.node("FusedMatMul", [left, right], {
        domain: "com.microsoft",
        attributes: { transA: 0, transB: 1 },
      })
    : emitter.node("MatMul", [left, emitter.node("Transpose", [right], { attributes: { perm: [0, 2, 1] } })]);
  return emitter.node("ReduceSum", [product, emitter.integers([0])], { attributes: { keepdims: 1 } });
}

/**
 * Cross-correlation, as torch's Conv2d and Conv3d: [B, I, …] with a weight [O, I, …] and a bias [O] gives [B, O, …].
 * Throws ShapeError where channels, ranks or the window do not fit.
 */
export function convolution(
  operand: Value,
  weight: Value,
  bias?: Value,
  options: ConvolutionOptions = {},
): Value {
  const each = (value: number): Shape => weight.shape.slice(2).map(() => value);
  return apply(convolutionOp, bias === undefined ? [operand, weight] : [operand, weight, bias], {
    stride: options.stride ?? each(1),
    before: options.before ?? each(0),
    after: options.after ?? each(0),
  });
}
