/** A service whose calls go wrong in every way that a thread's calls can; started by src/tensor/thread-client.test.ts. */

import { sendNote, serveThread } from "../../src/tensor/thread-service.ts";
import { ERROR_CLASSES } from "./error-classes.ts";

export class OddService implements AsyncDisposable {
  readonly #heard: number[] = [];

  async wait(milliseconds: number): Promise<number[]> {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    this.#heard.push(milliseconds);
    return [...this.#heard];
  }

  sumOf(values: Float32Array): number {
    return values.reduce((sum, value) => sum + value, 0);
  }

  fail(kind: keyof typeof ERROR_CLASSES): never {
    const cause = Object.assign(new Error("ENOSPC: no space left on device, write"), {
      code: "ENOSPC",
      path: "/full/model.safetensors",
    });
    throw new ERROR_CLASSES[kind]("It went wrong.", { hint: "Do this next.", cause });
  }

  fillDisk(): never {
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), {
      code: "ENOSPC",
      path: "/full/model.safetensors",
    });
  }

  unsendable(): () => void {
    return () => {};
  }

  note(word: string): void {
    sendNote(word);
  }

  die(): never {
    process.exit(3);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    sendNote("disposed");
  }
}

serveThread(new OddService());
