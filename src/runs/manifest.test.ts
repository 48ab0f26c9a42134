import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { systemClock } from "./clock.ts";
import { createManifest, installedPackages, packageRoot } from "./manifest.ts";

describe("createManifest", () => {
  test("answers what a reproducibility review asks", () => {
    const manifest = createManifest(
      {
        name: "a",
        command: "earl train a.yaml",
        setup: ["One."],
        seeds: { run: 3 },
        data: [],
        reward: {},
        dataset: undefined,
        device: "cpu",
      },
      systemClock,
    );
    expect(manifest).toMatchObject({ seeds: { run: 3 }, setup: ["One."], resumed: [] });
    expect(manifest.startedAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(manifest.software.packages).toMatchObject({ "onnxruntime-node": "1.30.0", zod: "4.6.7" });
    expect(manifest.software.node).toBe(process.version);
    expect(manifest.hardware.memoryGiB).toBeGreaterThan(0);
    expect(manifest.hardware.cores).toBeGreaterThanOrEqual(1);
  });
});

describe("installedPackages", () => {
  test("follows dependencies of dependencies to where Node finds them", () => {
    const root = mkdtempSync(join(tmpdir(), "earl-packages-"));
    const install = (path: string, version: string, dependencies: Record<string, string> = {}): void => {
      mkdirSync(join(root, path), { recursive: true });
      writeFileSync(join(root, path, "package.json"), JSON.stringify({ version, dependencies }));
    };
    install("", "0.1.0", { a: "1", b: "1", absent: "1" });
    install("node_modules/a", "1.0.0", { b: "2" });
    install("node_modules/a/node_modules/b", "2.0.0");
    install("node_modules/b", "1.5.0");
    install("node_modules/unused", "9.0.0");
    expect(installedPackages(root)).toEqual({ a: "1.0.0", b: "1.5.0, 2.0.0" });
  });

  test("covers every dependency that package.json names", () => {
    expect(Object.keys(installedPackages(packageRoot()))).toEqual(
      expect.arrayContaining(["sharp", "yaml", "commander", "onnxruntime-common"]),
    );
  });
});
