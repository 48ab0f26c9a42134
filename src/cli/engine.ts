/** `earl engine install`: makes the Python environment that the torch engine runs in. */

import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { EngineError } from "../errors.ts";
import { COMPLETE, environmentFolder, LOCKS, pythonOf } from "../engine/torch/python-environment.ts";
import type { Surroundings } from "./surroundings.ts";

export interface InstallFlags {
  readonly cpu?: true;
  readonly python: string;
}

const OLD_PYTHON = "import sys; sys.exit(sys.version_info < (3, 10))";

/** Throws EngineError that says what is missing; what was made so far is used by the next try. */
export async function installEngine(flags: InstallFlags, { stderr, stdout }: Surroundings): Promise<void> {
  const kind = flags.cpu === undefined ? "cuda" : "cpu";
  const folder = environmentFolder(kind);
  const { path, download, disk } = LOCKS[kind];
  if (existsSync(join(folder, COMPLETE))) {
    stdout.write(`${folder} is installed already.\n`);
    return;
  }
  stderr.write(`Downloads up to ${download}, takes ${disk} in ${folder}.\n`);
  const run = (program: string, words: readonly string[]): Promise<void> =>
    finished(program, words, (text) => stderr.write(text));
  await run(flags.python, ["-c", OLD_PYTHON]).catch((cause: unknown) => {
    throw new EngineError(`${flags.python} is not Python 3.10 or later.`, {
      cause,
      hint: "Install one, or name it with --python.",
    });
  });
  await run(flags.python, ["-m", "venv", folder]).catch((cause: unknown) => {
    throw new EngineError(`${flags.python} cannot make an environment in ${folder}.`, {
      cause,
      hint: "On Debian and Ubuntu install the package python3-venv.",
    });
  });
  await run(pythonOf(folder), ["-m", "pip", "install", "--disable-pip-version-check", "-r", path]).catch(
    (cause: unknown) => {
      throw new EngineError(`pip could not install what ${path} lists.`, {
        cause,
        hint:
          kind === "cpu"
            ? "Its output is above. CPU builds of torch lie in PyTorch's own index: name it in PIP_EXTRA_INDEX_URL."
            : "Its output is above; the command goes on where it stopped.",
      });
    },
  );
  await run(pythonOf(folder), ["-c", "import torch, ray, safetensors"]).catch((cause: unknown) => {
    throw new EngineError("torch, Ray or safetensors cannot be imported.", {
      cause,
      hint: `The output is above. Remove ${folder} and try again, or report it.`,
    });
  });
  writeFileSync(join(folder, COMPLETE), "");
  stdout.write(`Installed in ${folder}. Use it with engine.kind: torch.\n`);
}

/** Rejects where the program cannot be started or does not end with 0. */
function finished(
  program: string,
  words: readonly string[],
  onOutput: (text: string) => void,
): Promise<void> {
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (text: Buffer) => onOutput(text.toString()));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ended with code ${code}`));
    });
  });
}
