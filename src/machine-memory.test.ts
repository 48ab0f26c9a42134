import { totalmem } from "node:os";
import { expect, test } from "vitest";
import { machineMemory } from "./machine-memory.ts";

test("machineMemory is what the machine has, or less where it is limited", () => {
  expect(machineMemory()).toBeGreaterThan(2 ** 28);
  expect(machineMemory()).toBeLessThanOrEqual(totalmem());
});
