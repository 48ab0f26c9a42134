/** What `earl benchmark` is typed with; ../benchmark*.ts do it, and are loaded when they are asked for. */

import type { Command } from "commander";

import { ConfigError } from "../../errors.ts";
import { collect, deviceOption, filePath, wholeNumber } from "../arguments.ts";
import type { BenchmarkFlags } from "../benchmark.ts";
import type { BenchmarkScoreFlags } from "../benchmark-score.ts";
import type { Surroundings } from "../surroundings.ts";

const EXAMPLES = `
Examples:
  earl benchmark held-out --checkpoint runs/demo
  earl benchmark all --checkpoint RL=runs/rl --against SFT=runs/sft --url http://localhost:8000/v1
  earl benchmark omniedit:/data/omniedit-dev --checkpoint runs/demo --edits-only
  earl benchmark score benchmarks --url http://localhost:8000/v1`;

export function addBenchmark(program: Command, surroundings: Surroundings): void {
  const benchmark = scoring(program.command("benchmark"))
    .description("make and score the edits of published benchmarks; goes on where it was stopped")
    .argument("<names...>", "benchmarks, KIND:FOLDER for files at hand, or all")
    .option("--checkpoint <dir>", "checkpoint folder or run, NAME=DIR to name it (required)")
    .option(
      "--against <dir>",
      "another one that it is compared with, row by row; may be repeated",
      collect,
      [],
    )
    .option("--out <dir>", "folder of edits, scores and tables", filePath, "benchmarks")
    .option("--samples <n>", "edits of each row and seed; from 2 on best-of-n is shown", wholeNumber(1, 128))
    .option("--seeds <list>", "draws of their own: 0,1,2", seedList)
    .option(
      "--vision-tokenizer <dir>",
      "where the vision tokenizer lies of checkpoints without one",
      filePath,
    )
    .option("--tokenizer <dir>", "where the text tokenizer lies of checkpoints without one", filePath)
    .option("--copy", "score the sources handed back unchanged, too")
    .option("--edits-only", "make the edits, score nothing")
    .addOption(deviceOption())
    .addHelpText("after", EXAMPLES)
    .action(async (names: string[], flags: BenchmarkFlags) => {
      const { runBenchmarks } = await import("../benchmark.ts");
      await runBenchmarks(names, flags, surroundings);
    });

  scoring(benchmark.command("score"))
    .description("score edits that are there, of checkpoints or of other systems (edits.jsonl)")
    .argument("<folders...>", "folders of edits, or of arms with edits; NAME=FOLDER to name one")
    .option(
      "--benchmark <name>",
      "what edits of other systems are edits of; KIND:FOLDER for files at hand; all or several where folders are called by theirs",
      collect,
      [],
    )
    .option("--out <dir>", "folder of the tables (default: the first folder)", filePath)
    .action(async (folders: string[], _: unknown, command: Command) => {
      const { scoreBenchmarks } = await import("../benchmark-score.ts");
      await scoreBenchmarks(folders, scoreFlags(command, benchmark), surroundings);
    });
}

/**
 * Flags that both commands have are read by the outer one, wherever they stand. Throws ConfigError for those that only
 * the outer one has.
 */
function scoreFlags(command: Command, outer: Command): BenchmarkScoreFlags {
  const given = outer.options.filter(
    (option) => outer.getOptionValueSource(option.attributeName()) === "cli",
  );
  const own = command.options.map(({ long }) => long);
  const strange = given.find(({ long }) => !own.includes(long));
  if (strange !== undefined) {
    throw new ConfigError(`${strange.long} says how edits are made; score takes them as they are.`, {
      hint: "`earl benchmark score --help` shows what it takes.",
    });
  }
  const values = given.map((option) => [
    option.attributeName(),
    outer.getOptionValue(option.attributeName()) as unknown,
  ]);
  return {
    ...command.opts<BenchmarkScoreFlags>(),
    ...(Object.fromEntries(values) as Partial<BenchmarkScoreFlags>),
  };
}

/** What both take. */
function scoring(command: Command): Command {
  return command
    .option("--url <url>", "address of a judge for VIEScore, with /v1; may be repeated", collect, [])
    .option("--model <name>", "its model (default: the only one that the server has)")
    .option("--size <n>", "rows of each benchmark, from the first on", wholeNumber(1))
    .option("--partial", "take whatever rows a benchmark's files have")
    .option("--config <file>", "YAML of settings of benchmarks", filePath)
    .option("--set <key=value>", "change a setting; may be repeated", collect, []);
}

function seedList(text: string): number[] {
  return text.split(",").map(wholeNumber(0));
}
