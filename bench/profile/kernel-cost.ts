/** What onnxruntime's profile says of one call of a kernel: the memory it must pass over, and the arithmetic of products. */

/** One tensor as the profile writes it: {"float": [2, 3]}. */
type Typed = Readonly<Record<string, readonly number[]>>;

export interface CallShapes {
  readonly op_name?: string;
  readonly input_type_shape?: readonly Typed[];
  readonly output_type_shape?: readonly Typed[];
}

export interface CallCost {
  /** Of all inputs and outputs, each once. */
  readonly bytes: number;
  /** Floating-point operations of a matrix product; 0 for any other kernel. */
  readonly flops: number;
}

const WIDTHS: Readonly<Record<string, number>> = { float: 4, int64: 8, int32: 4, bool: 1 };
const PRODUCTS: ReadonlySet<string> = new Set(["MatMul", "FusedMatMul", "Gemm"]);

export function callCost({ op_name, input_type_shape = [], output_type_shape = [] }: CallShapes): CallCost {
  const bytes = [...input_type_shape, ...output_type_shape].reduce((sum, one) => sum + bytesOf(one), 0);
  const [left, right] = input_type_shape.map(shapeOf);
  const result = output_type_shape.map(shapeOf)[0];
  if (op_name === undefined || !PRODUCTS.has(op_name) || !left || !right || !result)
    return { bytes, flops: 0 };
  // With b products beside each other, |left| · |right| / |result| = b · k², however they are transposed.
  const beside = right.length > 2 ? size(result.slice(0, -2)) : 1;
  const inner = Math.sqrt((size(left) * size(right)) / (size(result) * beside));
  return { bytes, flops: 2 * size(result) * Math.round(inner) };
}

function bytesOf(tensor: Typed): number {
  return Object.entries(tensor).reduce((sum, [type, shape]) => sum + (WIDTHS[type] ?? 4) * size(shape), 0);
}

const shapeOf = (tensor: Typed): readonly number[] => Object.values(tensor)[0] ?? [];
const size = (shape: readonly number[]): number => shape.reduce((product, one) => product * one, 1);
