import { totalmem } from "node:os";
import { expect, test } from "vitest";
import { EngineError } from "./errors.ts";
import { machineMemory, requireRoom } from "./machine-memory.ts";

test("machineMemory is what the machine has, or less where it is limited", () => {
  expect(machineMemory()).toBeGreaterThan(2 ** 28);
  expect(machineMemory()).toBeLessThanOrEqual(totalmem());
});

test("requireRoom says what takes how much of what there is", () => {
  expect(() => requireRoom("it", 2048, 2048)).not.toThrow();
  expect(() => requireRoom("it", 2049, 2048)).toThrow(EngineError);
  expect(() => requireRoom("it", 4096, 2048)).toThrow(
    "it takes 4.0 KiB; this machine has 2.0 KiB of memory.",
  );
});
