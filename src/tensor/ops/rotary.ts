/** Rotary position embedding (Su et al. 2021), in the rotate-half layout of LLaMA and Emu3. */

import type { Op, Value } from "../value.ts";
import { apply, requireShape } from "../value.ts";
import { negate } from "./elementwise.ts";
import { constant } from "./leaves.ts";
import { reshape } from "./shape.ts";

// The kernel takes sequences no longer than its tables, so every token is a sequence of its own.
const rotaryOp: Op = {
  name: "rotary",
  infer(inputs, attributes) {
    const [operand, positions] = inputs as [Value, Value];
    const headSize = attributes["headSize"] as number;
    requireShape(
      operand.shape.length === 3 &&
        operand.shape[1] === 1 &&
        positions.shape[0] === operand.shape[0] &&
        (operand.shape[2] as number) % headSize === 0,
      "rotary",
      inputs,
      `[tokens, 1, heads · ${headSize}] and [tokens, 1] positions`,
    );
    return { shape: operand.shape, type: "float32" };
  },
  lower: (emitter, inputs) => emitter.node("RotaryEmbedding", inputs, { domain: "com.microsoft" }),
  // A rotation's transpose turns the other way.
  gradient(value, upstream) {
    const [operand, positions, cosine, sine] = value.inputs as [Value, Value, Value, Value];
    const headSize = value.attributes["headSize"] as number;
    return [[operand, apply(rotaryOp, [upstream, positions, cosine, negate(sine)], { headSize })]];
  },
};

/** Cosines and sines of every position, [positions, headSize / 2] each. */
export interface RotaryTables {
  readonly headSize: number;
  readonly cosine: Value;
  readonly sine: Value;
}

/**
 * Tables for positions 0…count−1; frequency i is theta^(−2i / headSize), rounded to float32 as torch does. What is
 * rotated by them is also multiplied by `scale`.
 */
export function rotaryTables(count: number, headSize: number, theta: number, scale = 1): RotaryTables {
  const half = headSize / 2;
  const cosine = new Float32Array(count * half);
  const sine = new Float32Array(count * half);
  for (let index = 0; index < half; index += 1) {
    const frequency = Math.fround(1 / Math.fround(theta ** ((2 * index) / headSize)));
    for (let position = 0; position < count; position += 1) {
      const angle = Math.fround(position * frequency);
      cosine[position * half + index] = scale * Math.cos(angle);
      sine[position * half + index] = scale * Math.sin(angle);
    }
  }
  return { headSize, cosine: constant(cosine, [count, half]), sine: constant(sine, [count, half]) };
}

/** Rotates each head of [tokens, heads · headSize] by its token's position, [tokens] int64. */
export function rotary(operand: Value, positions: Value, { headSize, cosine, sine }: RotaryTables): Value {
  const [tokens, width] = operand.shape as [number, number];
  const apart = [reshape(operand, [tokens, 1, width]), reshape(positions, [tokens, 1])];
  return reshape(apply(rotaryOp, [...apart, cosine, sine], { headSize }), [tokens, width]);
}
