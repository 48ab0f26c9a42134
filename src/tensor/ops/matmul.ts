/** Matrix products, the only ops whose floating-point operations are counted. */

import type { Emitter } from "../emitter.ts";
import type { Op, Value } from "../value.ts";
import { apply, inputAt, requireShape, sizeOf } from "../value.ts";

export interface MatmulOptions {
  /** Read the last two axes of the operand the other way round. */
  readonly transposeLeft?: boolean;
  readonly transposeRight?: boolean;
  /** The product is multiplied by it. */
  readonly scale?: number;
  /** It stands for a weighted sum: its operations are no more counted than those of other sums. */
  readonly isSum?: boolean;
}

interface Sizes {
  readonly batch: readonly number[];
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

const isOn = (value: Value, flag: string): boolean => value.attributes[flag] === 1;

function sizes(left: Value, right: Value, flags: Value["attributes"]): Sizes {
  const [leftA, leftB] = left.shape.slice(-2) as [number, number];
  const [rightA, rightB] = right.shape.slice(-2) as [number, number];
  const batch = left.shape.slice(0, -2);
  const [rows, inner] = flags["transposeLeft"] === 1 ? [leftB, leftA] : [leftA, leftB];
  const [rightInner, columns] = flags["transposeRight"] === 1 ? [rightB, rightA] : [rightA, rightB];
  const isFitting =
    left.shape.length >= 2 &&
    inner === rightInner &&
    batch.length === right.shape.length - 2 &&
    batch.every((dimension, axis) => dimension === right.shape[axis]);
  requireShape(isFitting, "matmul", [left, right], "equal batch axes and equal inner sizes");
  return { batch, rows, inner, columns };
}

function product(
  emitter: Emitter,
  inputs: readonly string[],
  { transA, transB, scale }: { readonly transA: number; readonly transB: number; readonly scale: number },
): string {
  if (transA + transB === 0 && scale === 1) return emitter.node("MatMul", inputs);
  return emitter.node("FusedMatMul", inputs, {
    domain: "com.microsoft",
    attributes: { transA, transB, alpha: { float: scale } },
  });
}

/** Rows from which a transposed copy costs less than it saves. */
const MANY_ROWS = 512;

/** leftᵀ · right over many rows, as a weight's gradient is. */
function isSlopeOfWeight(value: Value): boolean {
  const { shape } = inputAt(value, 0);
  const isPlain = isOn(value, "transposeLeft") && !isOn(value, "transposeRight");
  return isPlain && shape.length === 2 && (shape[0] as number) >= MANY_ROWS;
}

/**
 * leftᵀ · right with a transposed copy of the narrower operand: the kernel for a transposed left one moves every element
 * again for each 128 columns of the result. Rows that several weights see are copied once.
 */
function lowerSlope(emitter: Emitter, [left, right]: readonly string[], value: Value): string {
  const [height, width] = value.shape as [number, number];
  const plain = { transA: 0, transB: 0, scale: value.attributes["scale"] as number };
  const flipped = (name: string): string =>
    emitter.node("Transpose", [name], { attributes: { perm: [1, 0] } });
  if (height < width) return product(emitter, [flipped(left as string), right as string], plain);
  return flipped(product(emitter, [flipped(right as string), left as string], plain));
}

const matmulOp: Op = {
  name: "matmul",
  infer([left, right], attributes) {
    const { batch, rows, columns } = sizes(left as Value, right as Value, attributes);
    return { shape: [...batch, rows, columns], type: "float32" };
  },
  lower(emitter, inputs, value) {
    const scale = value.attributes["scale"] as number;
    const transA = isOn(value, "transposeLeft") ? 1 : 0;
    const transB = isOn(value, "transposeRight") ? 1 : 0;
    if (emitter.isCpu && isSlopeOfWeight(value)) return lowerSlope(emitter, inputs, value);
    if (emitter.isCpu) return product(emitter, inputs, { transA, transB, scale });
    // Other providers lack FusedMatMul; transposing first gives the same numbers.
    const flip = (name: string, rank: number, isTransposed: boolean): string => {
      if (!isTransposed) return name;
      const order = Array.from({ length: rank }, (_, axis) => axis);
      return emitter.node("Transpose", [name], {
        attributes: { perm: [...order.slice(0, -2), rank - 1, rank - 2] },
      });
    };
    const left = flip(inputs[0] as string, inputAt(value, 0).shape.length, transA === 1);
    const right = flip(inputs[1] as string, inputAt(value, 1).shape.length, transB === 1);
    const unscaled = emitter.node("MatMul", [left, right]);
    return scale === 1 ? unscaled : emitter.node("Mul", [unscaled, emitter.scalar(scale)]);
  },
  gradient(value, upstream) {
    const left = inputAt(value, 0);
    const right = inputAt(value, 1);
    const scale = value.attributes["scale"] as number;
    const [flipLeft, flipRight] = [isOn(value, "transposeLeft"), isOn(value, "transposeRight")];
    const toLeft = flipLeft
      ? matmul(right, upstream, { transposeLeft: flipRight, transposeRight: true, scale })
      : matmul(upstream, right, { transposeRight: !flipRight, scale });
    const toRight = flipRight
      ? matmul(upstream, left, { transposeLeft: true, transposeRight: flipLeft, scale })
      : matmul(left, upstream, { transposeLeft: !flipLeft, scale });
    return [
      [left, toLeft],
      [right, toRight],
    ];
  },
  flops(value) {
    if (isOn(value, "isSum")) return 0;
    const { batch, rows, inner, columns } = sizes(inputAt(value, 0), inputAt(value, 1), value.attributes);
    return 2 * sizeOf(batch) * rows * inner * columns;
  },
};

/** [batch…, M, K] × [batch…, K, N] = [batch…, M, N]; batch axes must be equal, nothing is broadcast. */
export function matmul(left: Value, right: Value, options: MatmulOptions = {}): Value {
  const flag = (isSet: boolean | undefined): number => (isSet === true ? 1 : 0);
  return apply(matmulOp, [left, right], {
    transposeLeft: flag(options.transposeLeft),
    transposeRight: flag(options.transposeRight),
    scale: options.scale ?? 1,
    ...(options.isSum === true && { isSum: 1 }),
  });
}

/** rows · weightᵀ: [N, K] with a weight [M, K], as Hugging Face stores it, gives [N, M]. */
export function linear(rows: Value, weight: Value): Value {
  return matmul(rows, weight, { transposeRight: true });
}
