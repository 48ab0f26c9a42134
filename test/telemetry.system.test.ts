/** Nothing leaves the machine: whatever loads onnxruntime leaves no records behind and talks to nobody. */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { processArguments } from "../src/tensor/start-module.ts";
import { earlCommand } from "./run-earl.ts";

const isTraced = spawnSync("strace", ["-V"]).status === 0;

interface Traces {
  readonly out: string;
  /** Everything below an empty home and an empty temporary folder. */
  readonly files: readonly string[];
  /** Internet addresses it spoke to, as the system saw it; none where strace is not installed. */
  readonly addresses: readonly string[];
}

function tracesOf(words: readonly string[]): Traces {
  const folder = mkdtempSync(join(tmpdir(), "earl-quiet-"));
  const place = join(folder, "place");
  const trace = join(folder, "trace");
  mkdirSync(join(place, "home"), { recursive: true });
  mkdirSync(join(place, "tmp"));
  const env = { PATH: "/usr/bin:/bin", HOME: join(place, "home"), TMPDIR: join(place, "tmp") };
  const command = [
    ...(isTraced ? ["strace", "-f", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", trace] : []),
    process.execPath,
    ...words,
  ];
  const { stdout } = spawnSync(command[0] as string, command.slice(1), {
    env,
    cwd: folder,
    encoding: "utf8",
  });
  const files = readdirSync(place, { recursive: true, encoding: "utf8" });
  const calls = isTraced ? readFileSync(trace, "utf8") : "";
  return { out: stdout, files: files.toSorted(), addresses: calls.match(/AF_INET6?.*/g) ?? [] };
}

describe.each<[string, () => string[], string]>([
  ["a session of the main thread", () => processArguments("./telemetry/session-here", import.meta.url), "42"],
  ["one of a thread", () => processArguments("./telemetry/session-in-thread", import.meta.url), "42"],
  ["a device's trial", () => earlCommand("doctor", "--device", "webgpu")[1], "multiplies a matrix"],
])("%s", (_name, command, expected) => {
  test("writes nothing into home or temporary folder, and speaks to nobody", () => {
    const { out, files, addresses } = tracesOf(command());
    expect(out).toContain(expected);
    expect(files).toEqual(["home", "tmp"]);
    expect(addresses).toEqual([]);
  });
});
