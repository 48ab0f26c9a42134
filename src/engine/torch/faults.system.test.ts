/** What can happen to driver and workers, done to them: one message with the first true cause, and nothing left behind. */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "vitest";

import { leftOfSession, runningProcesses } from "../../../test/small/processes.ts";
import type { LossSpec } from "../../algorithms/losses.ts";
import { engineEnvironment } from "../../config/env.ts";
import { EngineError } from "../../errors.ts";
import { WORLDS } from "../engine-worlds.contract.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { failureOf, smallGroup } from "./failure.contract.ts";
import { FrameReader, framePieces } from "./frames.ts";
import { ENGINE_PACKAGE } from "./python-environment.ts";
import { pythonForTests, smallOptions, TEST_SETTINGS } from "./small-torch.contract.ts";
import { openTorchEngine } from "./torch-engine.ts";

const python = pythonForTests() ?? "";
const folder = mkdtempSync(join(tmpdir(), "earl-faults-"));
afterAll(() => rmSync(folder, { recursive: true }));

const optionsOf = (changes: Partial<ClusterOptions>): ClusterOptions => ({
  ...TEST_SETTINGS,
  python,
  workers: 2,
  ...changes,
});

/** Session that a process belongs to: the driver's, which leads it. */
const sessionOf = (pid: number): number => runningProcesses().find((one) => one.pid === pid)!.session;

async function expectNothingLeft(session: number): Promise<void> {
  expect(await leftOfSession(session, 5)).toEqual([]);
}

describe.skipIf(python === "")("the torch engine", () => {
  test("says which worker is stopped, after its timeout, and nothing else afterwards", async () => {
    const timeoutSeconds = 3;
    await using cluster = await Cluster.start(optionsOf({ timeoutSeconds }));
    const worker = cluster.workers[1]!.pid;
    const session = sessionOf(worker);
    const engine = await openTorchEngine(cluster, smallOptions(WORLDS[0]!));
    const { error, seconds } = await failureOf(engine, () => process.kill(worker, "SIGSTOP"));
    expect(error).toBeInstanceOf(EngineError);
    expect(error.message).toMatch(/^Worker 1 .* has not answered for 3 s\.$/);
    expect(error.hint).toMatch(/--resume/);
    expect(seconds).toBeGreaterThan(timeoutSeconds - 1);
    expect(seconds).toBeLessThan(timeoutSeconds + 5);
    // Whatever is asked afterwards has the same reason.
    await expect(cluster.call("health")).rejects.toBe(error);
    await cluster[Symbol.asyncDispose]();
    await expectNothingLeft(session);
  });

  test("says what one rank raises in the middle of a step, while the other waits for it", async () => {
    const logFile = join(folder, "raised.log");
    await using cluster = await Cluster.start(optionsOf({ logFile }));
    const session = sessionOf(cluster.workers[1]!.pid);
    const engine = await openTorchEngine(cluster, { ...smallOptions(WORLDS[0]!), microbatchGroups: 1 });
    const loss: LossSpec = { surrogate: { kind: "on-policy" }, temperature: 1 };
    const start = performance.now();
    // A group for each rank; an id of the second one's prompt has no embedding.
    const groups = [smallGroup(1, 2, 3), smallGroup(1, 1000, 3)];
    await expect(engine.step(groups, loss, 1e-6)).rejects.toThrow(
      /^Worker [01] \(process \d+ on .*\) failed: IndexError: index out of range/,
    );
    expect(performance.now() - start).toBeLessThan(5000);
    expect(readFileSync(logFile, "utf8")).toMatch(/held_policy\.py[^]*IndexError/);
    await cluster[Symbol.asyncDispose]();
    await expectNothingLeft(session);
  });

  test("refuses another protocol, with what to do", async () => {
    const driver = spawn(python, ["-m", "earl_engine"], {
      stdio: ["pipe", "pipe", "ignore"],
      detached: true,
      env: engineEnvironment({ packages: ENGINE_PACKAGE, threads: 1 }),
    });
    for (const piece of framePieces({ protocol: 99 })) driver.stdin.write(piece);
    const reader = new FrameReader();
    const [frame] = await new Promise<ReturnType<FrameReader["take"]>>((resolve) =>
      driver.stdout.on("data", (piece: Buffer) => {
        const frames = reader.take(piece);
        if (frames.length > 0) resolve(frames);
      }),
    );
    expect(frame?.message).toEqual({
      fault: "The environment speaks protocol 1, earl 99.",
      hint: "Run `earl engine install` again.",
    });
  });

  test("says that there is no GPU, instead of waiting for one", async () => {
    const log = join(folder, "none.log");
    await expect(Cluster.start(optionsOf({ device: "cuda", workers: 0, logFile: log }))).rejects.toThrow(
      /^The cluster has no GPU, and engine.workers asks for all/,
    );
  });
});

describe("without the right Python", () => {
  const log = join(folder, "python.log");
  test("names one that is not there", async () => {
    await expect(Cluster.start(optionsOf({ python: "/nowhere/python", logFile: log }))).rejects.toThrow(
      "There is no /nowhere/python.",
    );
    await expect(Cluster.start(optionsOf({ python: "no-such-python", logFile: log }))).rejects.toThrow(
      /no-such-python cannot be started: .*ENOENT/,
    );
  });

  test.skipIf(python === "")("says which package an environment lacks, and what makes one", async () => {
    const bare = join(folder, "bare-python");
    // Without what is installed beside it.
    writeFileSync(bare, `#!/bin/sh\nexec "${python}" -S "$@"\n`, { mode: 0o755 });
    const error: unknown = await Cluster.start(optionsOf({ python: bare, logFile: log })).catch(
      (fault: unknown) => fault,
    );
    expect((error as EngineError).message).toMatch(
      /driver ended with code 1: ModuleNotFoundError: No module named/,
    );
    expect((error as EngineError).hint).toMatch(/earl engine install/);
  });

  test("says why another program ends", async () => {
    await expect(Cluster.start(optionsOf({ python: process.execPath, logFile: log }))).rejects.toThrow(
      /driver ended with code \d+: /,
    );
  });
});
