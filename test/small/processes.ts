/** Processes of this machine, as Linux tells of them. */

import { readdirSync, readFileSync } from "node:fs";

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  readonly words: string;
}

/** Those that run. */
export function runningProcesses(): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [state, parent, , session] = readFileSync(`/proc/${name}/stat`, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ");
        if (state === "Z") return [];
        const words = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        return [{ pid: Number(name), parent: Number(parent), session: Number(session), words }];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}

/** A process, what it started, and so on. */
export function withDescendants(pid: number): number[] {
  const all = runningProcesses();
  const from = (one: number): number[] => [
    one,
    ...all.filter(({ parent }) => parent === one).flatMap((child) => from(child.pid)),
  ];
  return from(pid);
}

/** What is left of a session some seconds later, in words. */
export async function leftOfSession(session: number, seconds: number): Promise<string[]> {
  const until = performance.now() + 1000 * seconds;
  const left = (): string[] =>
    runningProcesses()
      .filter((one) => one.session === session)
      .map(({ words }) => words);
  while (left().length > 0 && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 100));
  return left();
}
