/**
 * Muon (Jordan et al. 2024) as graph values: a matrix moves along its momentum with every singular value made about 1, by
 * Newton-Schulz iteration. Steps are scaled as in Liu et al. 2025 (eq. 4), so that AdamW's learning rate serves.
 * Numbers match torch.optim.Muon with `match_rms_adamw`, computed in float32. Matrices of one shape go through the
 * iteration beside each other.
 */

import { sum } from "../../tensor/ops/broadcast.ts";
import { add, divide, maximum, multiply, sqrt, subtract } from "../../tensor/ops/elementwise.ts";
import { input, scalar } from "../../tensor/ops/leaves.ts";
import { matmul } from "../../tensor/ops/matmul.ts";
import { concat, reshape, slice } from "../../tensor/ops/shape.ts";
import type { Value } from "../../tensor/value.ts";
import type { MuonSettings } from "../optimizer-settings.ts";

/** Matrices that move together, [N] each: their shapes say how N is cut. */
export interface MuonState {
  readonly parameters: Value;
  readonly momentum: Value;
}

/** p(x) = a·x + b·x³ + c·x⁵ takes singular values between 0 and 1 towards 1, quickly where they are small. */
const [A, B, C] = [3.4445, -4.775, 2.0315];
/** A matrix without a gradient is divided by it. */
const LEAST_NORM = 1e-7;

export function muonScalars(learningRate: number): Record<string, Float32Array> {
  return { matrixRate: Float32Array.of(learningRate) };
}

/**
 * The state after a gradient [N] that is to be multiplied by `clip`; the parameters have decayed already. Matrices of one
 * shape stand beside each other.
 */
export function muon(
  { parameters, momentum: before }: MuonState,
  { gradient, clip }: { readonly gradient: Value; readonly clip: Value },
  shapes: readonly (readonly [number, number])[],
  { momentum, iterations, matrixScale }: MuonSettings,
): MuonState {
  const mine = multiply(clip, scalar(1 - momentum));
  const now = add(multiply(before, scalar(momentum)), multiply(gradient, mine));
  // Nesterov's: the momentum as it will be after a step more of this gradient.
  const ahead = add(multiply(now, scalar(momentum)), multiply(gradient, mine));
  let start = 0;
  const changes = stacks(shapes).map(({ count, rows, columns }) => {
    const end = start + count * rows * columns;
    const matrices = reshape(slice(ahead, 0, start, end), [count, rows, columns]);
    start = end;
    const step = scalar(matrixScale * Math.sqrt(Math.max(rows, columns)));
    return reshape(multiply(orthogonalised(matrices, iterations), step), [count * rows * columns]);
  });
  const change = multiply(concat(changes, 0), input("matrixRate", []));
  return { parameters: subtract(parameters, change), momentum: now };
}

/** Matrices [count, rows, columns] with singular values near 1. */
export function orthogonalised(matrices: Value, iterations: number): Value {
  const [, rows, columns] = matrices.shape as [number, number, number];
  const norms = sqrt(sum(multiply(matrices, matrices), [1, 2], true));
  let x = divide(matrices, maximum(norms, scalar(LEAST_NORM)));
  // The product with itself is taken on the shorter side.
  const isTall = rows > columns;
  for (let round = 0; round < iterations; round += 1) {
    const gram = matmul(x, x, { transposeLeft: isTall, transposeRight: !isTall });
    const push = add(multiply(gram, scalar(B)), matmul(gram, gram, { scale: C }));
    x = add(multiply(x, scalar(A)), isTall ? matmul(x, push) : matmul(push, x));
  }
  return x;
}

interface Stack {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
}

/** Runs of one shape. */
function stacks(shapes: readonly (readonly [number, number])[]): Stack[] {
  const found: Stack[] = [];
  for (const [rows, columns] of shapes) {
    const last = found.at(-1);
    if (last?.rows === rows && last.columns === columns)
      found.splice(-1, 1, { ...last, count: last.count + 1 });
    else found.push({ count: 1, rows, columns });
  }
  return found;
}
