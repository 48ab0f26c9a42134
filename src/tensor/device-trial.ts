/**
 * Tries a device, as a process of its own (find-device.ts): runs the model it is given, which doubles a number. Ends
 * with code 0 where that works; a driver that ends its process takes no one else along.
 */

import { InferenceSession, Tensor } from "./onnxruntime.ts";
import type { SessionOptions } from "./onnxruntime.ts";

const [model, options] = process.argv.slice(2) as [string, string];
try {
  const session = await InferenceSession.create(
    Buffer.from(model, "base64"),
    JSON.parse(options) as SessionOptions,
  );
  const { doubled } = await session.run({ number: new Tensor("float32", [21], [1]) });
  if (doubled?.data[0] !== 42) throw new Error(`2 · 21 came out as ${String(doubled?.data[0])}`);
  process.exit(0);
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
