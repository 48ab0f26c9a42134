/** The Python environment of the torch engine: where it lies, and how it is made from the lock of exact versions. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { userCacheFolder } from "../../config/env.ts";
import { EngineError } from "../../errors.ts";

/** Folder that `python -m earl_engine` is found in. */
export const ENGINE_PACKAGE = fileURLToPath(new URL("../../../python/", import.meta.url));

export type EnvironmentKind = "cpu" | "cuda";

/** The lock's own path, and what it takes. */
export const LOCKS: Readonly<
  Record<EnvironmentKind, { readonly path: string; readonly download: string; readonly disk: string }>
> = {
  cpu: { path: join(ENGINE_PACKAGE, "requirements.cpu.txt"), download: "0.3 GB", disk: "1.2 GB" },
  cuda: { path: join(ENGINE_PACKAGE, "requirements.cuda.txt"), download: "3 GB", disk: "5.6 GB" },
};

/** Where the environment of a lock lies: another lock is another folder. */
export function environmentFolder(kind: EnvironmentKind): string {
  const lock = createHash("sha256").update(readFileSync(LOCKS[kind].path)).digest("hex");
  return join(userCacheFolder(), "earl", `engine-${kind}-${lock.slice(0, 12)}`);
}

export const pythonOf = (folder: string): string => join(folder, "bin", "python");

/** Stands in an environment that was made to the end. */
export const COMPLETE = "earl-engine-complete";

/** The environment that is installed, the one with CUDA first; undefined where there is none. */
export function installedEnvironment(): EnvironmentKind | undefined {
  const kinds: EnvironmentKind[] = ["cuda", "cpu"];
  return kinds.find((kind) => existsSync(join(environmentFolder(kind), COMPLETE)));
}

/** Its Python. */
export function installedPython(): string | undefined {
  const kind = installedEnvironment();
  return kind === undefined ? undefined : pythonOf(environmentFolder(kind));
}

/** The Python to start. Throws EngineError where it is not there. */
export function requirePython(chosen: string): string {
  const python = chosen === "" ? installedPython() : chosen;
  if (python === undefined) {
    throw new EngineError("The torch engine's Python environment is not installed.", {
      hint: `Run \`earl engine install\` (${LOCKS.cuda.download} to download) or \`earl engine install --cpu\` (${LOCKS.cpu.download}).`,
    });
  }
  // A bare name is looked up when it is started.
  if (python.includes("/") && !existsSync(python)) {
    throw new EngineError(`There is no ${python}.`, {
      hint: "Set engine.python to the Python of an environment, or leave it out and run `earl engine install`.",
    });
  }
  return python;
}
