/** What can happen to driver and workers, done to them: one message with the first true cause, and nothing left behind. */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, describe, expect, test, vi } from "vitest";

import { leftOfSession, runningProcesses, type Process } from "../../../test/small/processes.ts";
import { engineEnvironment } from "../../config/env.ts";
import { EngineError } from "../../errors.ts";
import { processArguments } from "../../tensor/start-module.ts";
import { WORLDS } from "../engine-worlds.contract.ts";
import type { PolicyEngine } from "../policy-engine.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { FrameReader, framePieces } from "./frames.ts";
import { nextNumber } from "./numbers.ts";
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

const aliveIn = (session: number): Process[] => runningProcesses().filter((one) => one.session === session);

async function expectNothingLeft(session: number): Promise<void> {
  expect(await leftOfSession(session, 5)).toEqual([]);
}

/** Trains until it fails: with what, and after how many seconds. */
async function failureOf(engine: PolicyEngine): Promise<{ error: EngineError; seconds: number }> {
  const [world] = WORLDS;
  const prompt = world!.prompts[0]!;
  const ids = Int32Array.of(3, 1, 4);
  const completion = {
    ids,
    constraints: new Int8Array(3),
    advantage: 1,
    weights: new Float32Array(3).fill(1),
  };
  const start = performance.now();
  try {
    for (;;) {
      await engine.step(
        [{ prompt, completions: [completion] }],
        { surrogate: { kind: "on-policy" }, temperature: 1 },
        1e-6,
      );
    }
  } catch (error) {
    return { error: error as EngineError, seconds: (performance.now() - start) / 1000 };
  }
}

const sigkill = (pid: number): boolean => process.kill(pid, "SIGKILL");

describe.skipIf(python === "")("the torch engine", () => {
  test.each([
    {
      what: "a worker is killed",
      act: (worker: number) => sigkill(worker),
      says: /^Worker 1 \(process \d+ on .*\) died: it was killed, or ran out of memory\.$/,
    },
    {
      what: "a worker is stopped past its timeout",
      act: (worker: number) => process.kill(worker, "SIGSTOP"),
      says: /^Worker 1 .* has not answered for 4 s\.$/,
      timeoutSeconds: 4,
    },
    {
      what: "the driver is killed",
      act: (_worker: number, driver: number) => sigkill(driver),
      says: /^The engine's driver was ended by SIGKILL/,
    },
  ])(
    "ends with the cause, quickly and wholly, when $what during a step",
    async ({ act, says, timeoutSeconds }) => {
      const limit = timeoutSeconds ?? 60;
      await using cluster = await Cluster.start(optionsOf({ timeoutSeconds: limit }));
      const worker = cluster.workers[1]!.pid;
      const session = sessionOf(worker);
      const engine = await openTorchEngine(cluster, smallOptions(WORLDS[0]!));
      const failure = failureOf(engine);
      setTimeout(() => act(worker, session), 500);
      const { error, seconds } = await failure;
      expect(error).toBeInstanceOf(EngineError);
      expect(error.message).toMatch(says);
      expect(error.hint).toMatch(/--resume/);
      expect(seconds).toBeLessThan(0.5 + 5 + (timeoutSeconds ?? 0));
      // Whatever is asked afterwards has the same reason.
      await expect(cluster.call("health")).rejects.toBe(error);
      await cluster[Symbol.asyncDispose]();
      await expectNothingLeft(session);
    },
  );

  test("says what one rank raised in the middle of a step, while the other waits for it", async () => {
    await using cluster = await Cluster.start(optionsOf({}));
    const session = sessionOf(cluster.workers[1]!.pid);
    await openTorchEngine(cluster, smallOptions(WORLDS[0]!));
    const policy = nextNumber() - 1;
    // The first rank waits at a barrier that the second never reaches.
    const said = { directory: "/nowhere", files: [] };
    const start = performance.now();
    const call = cluster.call("save", { said, each: [{ policy }, { policy: -1 }] });
    await expect(call).rejects.toThrow(/^Worker 1 .* failed: KeyError: -1/);
    expect(performance.now() - start).toBeLessThan(5000);
    await cluster[Symbol.asyncDispose]();
    await expectNothingLeft(session);
  });

  test("leaves no process behind when earl itself is killed", async () => {
    const words = processArguments("../../../test/small/torch-start", import.meta.url);
    const earl = spawn(process.execPath, [...words, join(folder, "killed.log")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const line = await new Promise<string>((resolve) =>
      earl.stdout.once("data", (text: Buffer) => resolve(text.toString())),
    );
    const session = sessionOf((JSON.parse(line) as number[])[0]!);
    expect(aliveIn(session).length).toBeGreaterThan(1);
    earl.kill("SIGKILL");
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

describe.skipIf(python === "")("a cluster that somebody else started", () => {
  afterEach(() => void vi.unstubAllEnvs());

  test("is not joined with a wrong token, nor where it has too few workers", async () => {
    await using cluster = await Cluster.start(optionsOf({ workers: 1 }));
    const session = sessionOf(cluster.workers[0]!.pid);
    const raylet = aliveIn(session).find(({ words }) => words.includes("--gcs-address="))!;
    const address = /--gcs-address=(\S+)/.exec(raylet.words)![1]!;
    const token = /RAY_AUTH_TOKEN=(\w+)/.exec(readFileSync(`/proc/${raylet.pid}/environ`, "utf8"))![1]!;
    const joined = async (at: string, secret: string): Promise<EngineError> => {
      vi.stubEnv("RAY_ADDRESS", at);
      vi.stubEnv("RAY_AUTH_MODE", "token");
      vi.stubEnv("RAY_AUTH_TOKEN", secret);
      const options = optionsOf({ workers: 1000, logFile: join(folder, "joined.log") });
      const fault: unknown = await Cluster.start(options).catch((error: unknown) => error);
      return fault as EngineError;
    };
    const tooFew = await joined(address, token);
    expect(tooFew.message).toMatch(/^The cluster has \d+ CPUs, and engine\.workers asks for 1000/);
    expect(tooFew.hint).toMatch(/fewer engine\.workers/);
    const wrong = await joined(address, "0".repeat(64));
    expect(wrong.message).toMatch(/^The Ray cluster could not be started or joined: /);
    expect(wrong.hint).toMatch(/same token/);
    // Whoever is refused does no harm to whom it belongs.
    vi.unstubAllEnvs();
    await expect(openTorchEngine(cluster, smallOptions(WORLDS[0]!))).resolves.toBeDefined();
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
