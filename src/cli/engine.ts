/** `earl engine install`: makes the Python environment that the torch engine runs in. */

import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";

import { hasPipRetries } from "../config/env.ts";
import { EngineError } from "../errors.ts";
import { COMPLETE, environmentFolder, LOCKS, pythonOf } from "../engine/torch/python-environment.ts";
import { formatBytes } from "../format.ts";
import type { Surroundings } from "./surroundings.ts";

export interface InstallFlags {
  readonly cpu?: true;
  readonly python: string;
}

const VERSION = "import sys; print('.'.join(map(str, sys.version_info[:3])))";
const OLDEST_PYTHON = [3, 10] as const;
/** Words of pip's where the index cannot be reached, and of anybody's where the disk is full. */
const UNREACHABLE =
  /NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Temporary failure in name resolution|Connection refused|Network is unreachable|SSLError/;
const FULL = /No space left on device|Errno 28|Disk quota exceeded/;

/** Throws EngineError that says what is missing; what was made so far is used by the next try. */
export async function installEngine(flags: InstallFlags, { stderr, stdout }: Surroundings): Promise<void> {
  const kind = flags.cpu === undefined ? "cuda" : "cpu";
  const folder = environmentFolder(kind);
  const { path, download, disk } = LOCKS[kind];
  if (existsSync(join(folder, COMPLETE))) {
    stdout.write(`${folder} is installed already.\n`);
    return;
  }
  await requireNewPython(flags.python);
  await requirePlace(folder, disk);
  stderr.write(`Downloads up to ${download}, takes ${disk} in ${folder}.\n`);
  const run = (program: string, words: readonly string[]): Promise<string> =>
    finished(program, words, (text) => stderr.write(text));
  await run(flags.python, ["-m", "venv", folder]).catch((cause: unknown) => {
    throw new EngineError(`${flags.python} cannot make an environment in ${folder}.`, {
      cause,
      hint: FULL.test(said(cause))
        ? spaceHint(disk)
        : "Its output is above. Where the module venv or ensurepip is missing: on Debian and Ubuntu install the package python3-venv.",
    });
  });
  // An index that cannot be reached is not asked again and again for each package, unless the user wants it.
  const pip = ["-m", "pip", "install", "--disable-pip-version-check", ...retries(), "-r", path];
  await run(pythonOf(folder), pip).catch((cause: unknown) => {
    throw new EngineError(`pip could not install what ${path} lists.`, {
      cause,
      hint: pipHint(said(cause), kind, disk),
    });
  });
  await run(pythonOf(folder), ["-c", "import torch, ray, safetensors"]).catch((cause: unknown) => {
    throw new EngineError("torch, Ray or safetensors cannot be imported.", {
      cause,
      hint: `The output is above. Remove ${folder} and try again, or report it.`,
    });
  });
  writeFileSync(join(folder, COMPLETE), "");
  stdout.write(`Installed in ${folder}. Use it with engine.kind: torch.\n`);
}

async function requireNewPython(python: string): Promise<void> {
  const oldest = OLDEST_PYTHON.join(".");
  const version = await finished(python, ["-c", VERSION], () => {}).catch((cause: unknown) => {
    const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const what = isMissing ? `There is no ${python} on this machine.` : `${python} is no Python that runs.`;
    throw new EngineError(what, {
      cause,
      hint: `Install Python ${oldest} or later, or name one with --python.`,
    });
  });
  const [major = 0, minor = 0] = version.trim().split(".").map(Number);
  if (major > OLDEST_PYTHON[0] || (major === OLDEST_PYTHON[0] && minor >= OLDEST_PYTHON[1])) return;
  throw new EngineError(`${python} is Python ${version.trim()}; the engine needs ${oldest} or later.`, {
    hint: "Install a newer one beside it and name it: --python python3.12.",
  });
}

/** Asked before anything is downloaded. */
async function requirePlace(folder: string, disk: string): Promise<void> {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw new EngineError(`${folder} cannot be written to.`, {
      cause,
      hint: "Set XDG_CACHE_HOME to a folder that can, for this command and for those that train.",
    });
  }
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= Number.parseFloat(disk) * 1e9) return;
  throw new EngineError(`The environment takes ${disk}; ${folder} has ${formatBytes(bavail * bsize)} free.`, {
    hint: spaceHint(disk),
  });
}

const spaceHint = (disk: string): string =>
  `Free ${disk}, or set XDG_CACHE_HOME to a folder on a larger disk, for this command and for those that train. pip also needs room in TMPDIR.`;

function pipHint(output: string, kind: keyof typeof LOCKS, disk: string): string {
  if (FULL.test(output)) return spaceHint(disk);
  if (UNREACHABLE.test(output)) {
    return "The package index cannot be reached. Check the network and HTTPS_PROXY, or name a mirror in PIP_INDEX_URL or a folder of wheels in PIP_FIND_LINKS; then run the same command.";
  }
  return kind === "cpu"
    ? "Its output is above. CPU builds of torch lie in PyTorch's own index: name it in PIP_EXTRA_INDEX_URL."
    : "Its output is above; the command goes on where it stopped.";
}

const retries = (): string[] => (hasPipRetries() ? [] : ["--retries", "1"]);

/** What a program that failed wrote. */
const said = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** What it wrote to its standard output. Rejects with all that it wrote where it cannot be started or does not end with 0. */
function finished(
  program: string,
  words: readonly string[],
  onOutput: (text: string) => void,
): Promise<string> {
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let everything = "";
  child.stdout.on("data", (text: Buffer) => {
    output += text.toString();
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text: Buffer) => {
      everything = (everything + text.toString()).slice(-20_000);
      onOutput(text.toString());
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${program} ended with code ${code}: ${everything}`));
    });
  });
}
