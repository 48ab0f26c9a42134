/** The command line for tests: in this process (fast), or as a child that can be sent signals. */

import { spawn, type ChildProcess } from "node:child_process";
import { stripVTControlCharacters } from "node:util";

import { createProgram } from "../src/cli/program.ts";
import { reportFault } from "../src/cli/report-fault.ts";
import { systemClock } from "../src/runs/clock.ts";
import { processArguments } from "../src/tensor/start-module.ts";

export interface EarlResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command in this process and its working directory. */
export async function earl(...words: string[]): Promise<EarlResult> {
  let out = "";
  let err = "";
  const stdout = { write: (text: string) => (out += text) };
  const stderr = { write: (text: string) => (err += text) };
  const program = createProgram({
    stdout,
    stderr,
    clock: systemClock,
    isLive: false,
    commandLine: ["earl", ...words].join(" "),
  });
  // Some machines' CI asks for colours; what is said is the same.
  const plain = (code: number): EarlResult => ({
    code,
    out: stripVTControlCharacters(out),
    err: stripVTControlCharacters(err),
  });
  try {
    await program.parseAsync(words, { from: "user" });
    return plain(0);
  } catch (fault) {
    return plain(reportFault(fault, stderr, words.includes("--debug")));
  }
}

/** Program and arguments that run `earl` as a process of its own. */
export function earlCommand(...words: string[]): [program: string, words: string[]] {
  return [process.execPath, [...processArguments("../src/cli/main", import.meta.url), ...words]];
}

/** Starts `earl` as a process in a folder; its stderr is a pipe. */
export function startEarl(folder: string, ...words: string[]): ChildProcess {
  const [program, all] = earlCommand(...words);
  return spawn(program, all, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
}
