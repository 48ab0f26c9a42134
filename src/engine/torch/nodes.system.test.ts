/** A Ray cluster that somebody else started, of two nodes: joined, refused with the reason, and left without harm. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";

import { runningProcesses } from "../../../test/small/processes.ts";
import { startRayNodes, type RayNodes } from "../../../test/small/ray-nodes.ts";
import { EngineError } from "../../errors.ts";
import { WORLDS } from "../engine-worlds.contract.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { failureOf } from "./failure.contract.ts";
import { pythonForTests, smallOptions, TEST_SETTINGS } from "./small-torch.contract.ts";
import { openTorchEngine } from "./torch-engine.ts";

const python = pythonForTests() ?? "";
const folder = mkdtempSync(join(tmpdir(), "earl-nodes-"));
const logFile = join(folder, "engine.log");

interface Address {
  readonly address: string;
  readonly token?: string;
}

function joined(
  { address, token = "0".repeat(64) }: Address,
  changes: Partial<ClusterOptions>,
): Promise<Cluster> {
  vi.stubEnv("RAY_ADDRESS", address);
  vi.stubEnv("RAY_AUTH_MODE", "token");
  vi.stubEnv("RAY_AUTH_TOKEN", token);
  return Cluster.start({ ...TEST_SETTINGS, python, logFile, workers: 1, ...changes });
}

async function refusal(at: Address, changes: Partial<ClusterOptions> = {}): Promise<EngineError> {
  const fault: unknown = await joined(at, changes).catch((error: unknown) => error);
  expect(fault).toBeInstanceOf(EngineError);
  return fault as EngineError;
}

describe.skipIf(python === "")("a cluster that somebody else started", () => {
  let nodes: RayNodes;
  beforeAll(async () => {
    nodes = await startRayNodes(python, 2);
  });
  afterEach(() => void vi.unstubAllEnvs());
  afterAll(async () => {
    await nodes?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test("is not joined where it has too few GPUs or CPUs", async () => {
    const gpus = await refusal(nodes, { device: "cuda", workers: 2 });
    expect(gpus.message).toBe("The cluster has 1 GPU, and engine.workers asks for 2 on engine.device cuda.");
    expect(gpus.hint).toMatch(/fewer engine\.workers/);
    const cpus = await refusal(nodes, { workers: 1000 });
    expect(cpus.message).toBe(
      "The cluster has 2 CPUs, and engine.workers asks for 1000 on engine.device cpu.",
    );
  });

  test.each([
    {
      what: "with a wrong token",
      at: () => ({ address: nodes.address }),
      says: /InvalidAuthToken: Authentication token is missing or incorrect/,
    },
    { what: "where nothing listens", at: () => ({ address: "127.0.0.1:9" }), says: /TimedOut/ },
    { what: "at what is no address", at: () => ({ address: "nonsense" }), says: /Invalid address format/ },
  ])("is not joined $what, and why is said within seconds", async ({ at, says }) => {
    const start = performance.now();
    const error = await refusal(at());
    // Ray itself would try for 20 seconds, or for two minutes.
    expect(performance.now() - start).toBeLessThan(15_000);
    expect(error.message).toMatch(/^The Ray cluster of RAY_ADDRESS=\S+ could not be joined: \w+: /);
    expect(error.message).toMatch(says);
    expect(error.hint).toMatch(/same token/);
    expect(readFileSync(logFile, "utf8")).toContain("Traceback");
  });

  test("is not joined where it is of another version of Ray, and both are named", async () => {
    await using others = await startRayNodes(python, 1, "2.9.0");
    const error = await refusal(others);
    expect(error.message).toMatch(
      /started with: Ray: 2\.9\.0 Python.* started with: Ray: \d+\.\d+\.\d+ Python/,
    );
    expect(error.hint).toMatch(/same versions/);
  });

  test("says which worker is lost when a node dies in the middle of a step, and leaves nothing behind", async () => {
    await using cluster = await joined(nodes, { workers: 2 });
    const pids = cluster.workers.map(({ pid }) => pid);
    // All that it has is taken; whoever is refused does no harm to whom it belongs.
    const taken = await refusal(nodes, { workers: 1, timeoutSeconds: 1 });
    expect(taken.message).toBe("Others hold what 1 of the cluster's workers need.");
    await refusal({ address: nodes.address });
    const engine = await openTorchEngine(cluster, smallOptions(WORLDS[0]!));
    const { error, seconds } = await failureOf(engine, () => nodes.kill(1));
    expect(error.message).toMatch(
      /^Worker [01] \(process \d+ on .*\) cannot be reached: its node died, or the network to it\.$/,
    );
    expect(error.hint).toMatch(/--resume/);
    expect(seconds).toBeLessThan(5);
    await expect
      .poll(() => runningProcesses().filter(({ pid }) => pids.includes(pid)), { timeout: 5000 })
      .toEqual([]);
  });
});
