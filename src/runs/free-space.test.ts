import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { EngineError } from "../errors.ts";
import { requireFreeSpace } from "./free-space.ts";

describe("requireFreeSpace", () => {
  const path = join(tmpdir(), "not", "there", "yet");

  test("asks the disk that a folder would be made on", async () => {
    await expect(requireFreeSpace(path, 1)).resolves.toBeUndefined();
    await expect(requireFreeSpace(path, Number.MAX_SAFE_INTEGER)).rejects.toThrow(EngineError);
    await expect(requireFreeSpace(path, Number.MAX_SAFE_INTEGER)).rejects.toThrow(/yet needs .* left/);
  });
});
