/** A Ray cluster of several nodes on this machine, as somebody else would start one: guarded by a token. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { engineEnvironment } from "../../src/config/env.ts";
import { ENGINE_PACKAGE } from "../../src/engine/torch/python-environment.ts";
import { withDescendants } from "./processes.ts";

const SCRIPT = fileURLToPath(new URL("ray-nodes.py", import.meta.url));

export interface RayNodes extends AsyncDisposable {
  readonly address: string;
  readonly token: string;
  /** Ends everything that runs on a node. */
  kill(node: number): void;
}

/** Nodes of one CPU each, and one GPU that is none. The cluster says that it is of this version of Ray, where one is given. */
export async function startRayNodes(python: string, count: number, version = ""): Promise<RayNodes> {
  // What guards a cluster of earl's own guards this one.
  const env = engineEnvironment({ packages: ENGINE_PACKAGE, threads: 1 });
  const child = spawn(python, [SCRIPT, String(count), ...(version === "" ? [] : [version])], {
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
    env,
  });
  const closed = once(child, "close");
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { address, raylets } = JSON.parse(line.toString()) as { address: string; raylets: number[] };
  return {
    address,
    token: env["RAY_AUTH_TOKEN"]!,
    kill: (node) => withDescendants(raylets[node]!).forEach((pid) => process.kill(pid, "SIGKILL")),
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await closed;
    },
  };
}
