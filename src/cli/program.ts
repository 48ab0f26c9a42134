/** The command line: every command with its help. Each lives in a file of its own beside this one. */

import { readFileSync } from "node:fs";

import { Command } from "commander";
import { z } from "zod";

import { addConfig } from "./config.ts";
import { addData } from "./data.ts";
import { addDemo } from "./demo.ts";
import { addDoctor } from "./doctor.ts";
import { addEdit } from "./edit.ts";
import { addEvaluate } from "./evaluate.ts";
import { addLs } from "./ls.ts";
import { addModel } from "./model.ts";
import { addReport } from "./report.ts";
import { addTrain } from "./train.ts";
import { addVerify } from "./verify.ts";
import type { Surroundings } from "./surroundings.ts";

const EXAMPLES = `
Examples:
  earl demo                                   learn to edit pictures, from nothing, in minutes
  earl train recipes/demo/config.yaml --set grpo.steps=100
  earl edit photo.png "Make the circle red" --checkpoint runs/demo --out edits
  earl report runs/demo`;

/** The program with every command; faults are thrown, not exited on. */
export function createProgram(surroundings: Surroundings): Command {
  const program = new Command("earl")
    .description("Teaches autoregressive image editors with supervised fine-tuning, GRPO and rewards.")
    .version(packageVersion(), "--version")
    .option("--debug", "print causes and stacks of errors")
    .addHelpText("after", EXAMPLES)
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(text),
      writeErr: (text) => surroundings.stderr.write(text),
    })
    .showHelpAfterError("(--help shows what there is)")
    .exitOverride();
  const commands = [
    addDemo,
    addData,
    addTrain,
    addEvaluate,
    addEdit,
    addReport,
    addLs,
    addConfig,
    addDoctor,
    addModel,
    addVerify,
  ];
  for (const add of commands) add(program, surroundings);
  return program;
}

function packageVersion(): string {
  const path = new URL("../../package.json", import.meta.url);
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(path, "utf8"))).version;
}
