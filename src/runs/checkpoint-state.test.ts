import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { beforeEach, describe, expect, test } from "vitest";

import { Rng } from "../random.ts";
import { checksumsOf, isPolicyFile, readState, verifyCheckpoint, writeState } from "./checkpoint-state.ts";

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "earl-state-"));
  writeFileSync(join(folder, "model.safetensors"), "the weights");
  writeFileSync(join(folder, "optimizer.json"), '{"step":3}');
  mkdirSync(join(folder, "more"));
  writeFileSync(join(folder, "more", "shard"), "in a folder");
  const loop = { step: 3, tokens: 0.1, stopping: { best: Number.NaN, bestStep: -0 } };
  const files = await checksumsOf(folder);
  writeState(folder, {
    run: "a",
    stage: "sft",
    step: 3,
    loop,
    best: { sft: "sft-000003" },
    eventsBytes: 77,
    files,
  });
});

const damage = (file: string, change: (bytes: Buffer) => void): void => {
  const bytes = readFileSync(join(folder, file));
  change(bytes);
  writeFileSync(join(folder, file), bytes);
};

describe("verifyCheckpoint", () => {
  test("accepts what was saved, and files that others put beside it", async () => {
    writeFileSync(join(folder, "notes.md"), "mine");
    await verifyCheckpoint(folder);
    expect(readState(folder)).toMatchObject({ run: "a", eventsBytes: 77 });
  });

  test("refuses any flipped bit of any file, by name", async () => {
    const rng = Rng.from(1, "bits");
    const meaning = JSON.stringify(readState(folder));
    const unnoticed: string[] = [];
    for (const file of ["model.safetensors", "optimizer.json", join("more", "shard"), "state.json"]) {
      const saved = readFileSync(join(folder, file));
      for (let trial = 0; trial < 100; trial += 1) {
        damage(file, (bytes) => {
          const at = rng.integer(bytes.length);
          bytes[at]! ^= 1 << rng.integer(8);
        });
        const outcome = await verifyCheckpoint(folder).then(() => JSON.stringify(readState(folder)), String);
        // White space between the values of state.json means nothing.
        const isHarmless = file === "state.json" && outcome === meaning;
        const isNamed = outcome.startsWith(`CheckpointError: ${join(folder, file)} is damaged`);
        if (!isHarmless && !isNamed) unnoticed.push(outcome);
        writeFileSync(join(folder, file), saved);
      }
    }
    expect(unnoticed).toEqual([]);
  });

  test("refuses a file that is missing, cut short or longer", async () => {
    const path = join(folder, "model.safetensors");
    writeFileSync(path, "the weight");
    await expect(verifyCheckpoint(folder)).rejects.toThrow(`${path} is damaged`);
    writeFileSync(path, "the weights!");
    await expect(verifyCheckpoint(folder)).rejects.toThrow(`${path} is damaged`);
    rmSync(path);
    await expect(verifyCheckpoint(folder)).rejects.toThrow(`${path} is missing`);
  });

  test("looks at no more than what is read", async () => {
    writeFileSync(join(folder, "optimizer.json"), "{}");
    await verifyCheckpoint(folder, isPolicyFile);
    await expect(verifyCheckpoint(folder)).rejects.toThrow("optimizer.json is damaged");
  });

  test("accepts folders that earl did not write, or wrote before there were checksums", async () => {
    const other = mkdtempSync(join(tmpdir(), "earl-other-"));
    cpSync(folder, other, { recursive: true, filter: (path) => !path.endsWith("state.json") });
    writeFileSync(join(other, "model.safetensors"), "changed");
    await verifyCheckpoint(other);
    writeFileSync(join(other, "state.json"), '{"epoch":3}');
    await verifyCheckpoint(other);
    expect(readState(other)).toBeUndefined();
    writeFileSync(join(other, "state.json"), '{"stage":"sft","step":1,"loop":{},"best":{},"eventsBytes":9}');
    await verifyCheckpoint(other);
    expect(readdirSync(other)).toContain("state.json");
  });

  test.each(["", "{", "[]", "null", '{"eventsBytes":-1}', '{"loop":{},"best":{"sft":"../../x"}}'])(
    "calls the state %j damaged",
    async (text) => {
      writeFileSync(join(folder, "state.json"), text);
      await expect(verifyCheckpoint(folder)).rejects.toThrow(`${join(folder, "state.json")} is damaged`);
    },
  );

  test.each(["../outside", "/etc/passwd", "a/../../b", "..\\b"])("takes no list that names %s", (file) => {
    writeState(folder, { ...readState(folder)!, files: { [file]: "0" } });
    expect(() => readState(folder)).toThrow("is damaged");
  });
});
