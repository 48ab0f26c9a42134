/** Which row of a table lies nearest: the quantiser of a VQ-VAE (van den Oord et al. 2017, eq. 2). */

import type { Op, Value } from "../value.ts";
import { apply, inputAt, requireShape } from "../value.ts";

/** Distances held at a time: 64 MiB, whatever the size of the picture. */
const MOST_DISTANCES = 2 ** 24;

const nearestRowOp: Op = {
  name: "nearest-row",
  infer(inputs) {
    const [rows, table] = inputs as [Value, Value];
    const isFitting = rows.shape.length === 2 && table.shape.length === 2 && rows.shape[1] === table.shape[1];
    requireShape(isFitting, "nearest-row", inputs, "[N, D] and a table [K, D]");
    return { shape: [rows.shape[0] as number], type: "int64" };
  },
  // |x|² is the same for every row of the table, so |e|² − 2x·e orders them alike and rounds less.
  lower(emitter, [rows, table], value) {
    const count = value.shape[0] as number;
    const squares = emitter.node("ReduceSumSquare", [table as string, emitter.integers([1])], {
      attributes: { keepdims: 0 },
    });
    const block = Math.max(1, Math.floor(MOST_DISTANCES / (inputAt(value, 1).shape[0] as number)));
    const found: string[] = [];
    for (let start = 0; start < count; start += block) {
      const end = Math.min(count, start + block);
      const part = emitter.node("Slice", [
        rows as string,
        ...[start, end, 0].map((bound) => emitter.integers([bound])),
      ]);
      const distances = emitter.node("Gemm", [part, table as string, squares], {
        attributes: { transB: 1, alpha: { float: -2 }, beta: { float: 1 } },
      });
      found.push(emitter.node("ArgMin", [distances], { attributes: { axis: 1, keepdims: 0 } }));
    }
    return emitter.node("Concat", found, { attributes: { axis: 0 } });
  },
};

/** For each row of [N, D], the index of the row of [K, D] at the least distance, the first of equals; int64 [N], without gradient. */
export function nearestRow(rows: Value, table: Value): Value {
  return apply(nearestRowOp, [rows, table]);
}
