/** The command line: every command with its help. What a command does is loaded when it is run. */

import { readFileSync } from "node:fs";

import { Command } from "commander";

import { addBenchmark } from "./commands/benchmark.ts";
import { addCard } from "./commands/card.ts";
import { addConfig } from "./commands/config.ts";
import { addData } from "./commands/data.ts";
import { addDemo } from "./commands/demo.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addEdit } from "./commands/edit.ts";
import { addEngine } from "./commands/engine.ts";
import { addEvaluate } from "./commands/evaluate.ts";
import { addGet } from "./commands/get.ts";
import { addJudge } from "./commands/judge.ts";
import { addLs } from "./commands/ls.ts";
import { addModel } from "./commands/model.ts";
import { addReport } from "./commands/report.ts";
import { addServe } from "./commands/serve.ts";
import { addTrain } from "./commands/train.ts";
import { addVerify } from "./commands/verify.ts";
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
    addGet,
    addTrain,
    addEvaluate,
    addBenchmark,
    addEdit,
    addReport,
    addCard,
    addServe,
    addLs,
    addConfig,
    addDoctor,
    addEngine,
    addModel,
    addVerify,
    addJudge,
  ];
  for (const add of commands) add(program, surroundings);
  return program;
}

function packageVersion(): string {
  const path = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
