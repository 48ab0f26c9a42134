// Tries a device, as a process of its own (find-device.ts): runs the model it is given, which doubles a number. Ends
// with code 0 where that works; a driver that ends its process takes no one else along.
import { InferenceSession, Tensor } from "onnxruntime-node";

const [model, sessionOptions] = process.argv.slice(2);
try {
  const session = await InferenceSession.create(Buffer.from(model, "base64"), JSON.parse(sessionOptions));
  const { doubled } = await session.run({ number: new Tensor("float32", [21], [1]) });
  if (doubled.data[0] !== 42) throw new Error(`2 · 21 came out as ${doubled.data[0]}`);
  process.exit(0);
} catch (error) {
  process.stderr.write(`\n${error.message}\n`);
  process.exit(1);
}
