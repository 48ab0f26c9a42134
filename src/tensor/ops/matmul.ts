/** Matrix products, the only ops whose floating-point operations are counted. */

import type { Op, Value } from "../value.ts";
import { apply, inputAt, requireShape, sizeOf } from "../value.ts";

export interface MatmulOptions {
  /** Read the last two axes of the operand the other way round. */
  readonly transposeLeft?: boolean;
  readonly transposeRight?: boolean;
  /** The product is multiplied by it. */
  readonly scale?: number;
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
    if (emitter.isCpu) {
      if (transA + transB === 0 && scale === 1) return emitter.node("MatMul", inputs);
      return emitter.node("FusedMatMul", inputs, {
        domain: "com.microsoft",
        attributes: { transA, transB, alpha: { float: scale } },
      });
    }
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
    const product = emitter.node("MatMul", [left, right]);
    return scale === 1 ? product : emitter.node("Mul", [product, emitter.scalar(scale)]);
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
  });
}

/** rows · weightᵀ: [N, K] with a weight [M, K], as Hugging Face stores it, gives [N, M]. */
export function linear(rows: Value, weight: Value): Value {
  return matmul(rows, weight, { transposeRight: true });
}
