/** Runs one measured program to its end and collects the figures it printed. */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import type { Figures } from "./figures.ts";
import type { Arm } from "./measurements.ts";

/** Figures after the warm-up, in order. Rejects when the program fails or printed none. */
export async function runArm(arm: Arm, directory: string): Promise<Figures[]> {
  const child = spawn(arm.command, arm.args, { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-2000);
  });
  const figures: Figures[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    const read = arm.read(line);
    if (read !== undefined) figures.push(read);
  });
  const code = await closed;
  const measured = figures.slice(arm.skip);
  if (code !== 0 || measured.length === 0) {
    const command = [arm.command, ...arm.args].join(" ");
    throw new Error(`"${command}" ended with code ${code} and ${measured.length} figures.\n${complaint}`);
  }
  return measured;
}
