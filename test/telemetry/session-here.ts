/** A program, and a thread: doubles a number on onnxruntime. */

import { compile } from "../../src/tensor/compile.ts";
import { add } from "../../src/tensor/ops/elementwise.ts";
import { input } from "../../src/tensor/ops/leaves.ts";
import { Session } from "../../src/tensor/session.ts";

const number = input("number", [1]);
await using session = await Session.open(compile({ doubled: add(number, number) }));
const { doubled } = await session.run({ number: Float32Array.of(21) });
process.stdout.write(`${String(doubled?.[0])}\n`);
