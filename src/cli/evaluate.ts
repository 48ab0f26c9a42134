/** `earl evaluate RUN|CHECKPOINT`: scores a checkpoint on held-out edits. */

import type { Command } from "commander";
import { Option } from "commander";

import { EngineSettings } from "../engine/engines.ts";
import { OptimizerSettings } from "../engine/optimizer-settings.ts";
import type { DatasetSplit } from "../data/edit-dataset.ts";
import { resolveCheckpoint } from "../runs/checkpoint.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { deviceOption, required, wholeNumber } from "./arguments.ts";
import { locateRun } from "./locate-run.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

interface EvaluateFlags {
  readonly data?: string;
  readonly split: DatasetSplit;
  readonly size: number;
  readonly seed: number;
  readonly device?: string;
  readonly maxTokens: number;
  readonly thought?: true;
  readonly freeGridText?: true;
  readonly tasks?: true;
  readonly out?: string;
}

export function addEvaluate(program: Command, surroundings: Surroundings): void {
  program
    .command("evaluate")
    .description("score a checkpoint on held-out edits, beside the source copied unchanged")
    .argument("<checkpoint>", "checkpoint folder, or a run (its best checkpoint is taken)")
    .option("--data <dir>", "dataset folder (required)")
    .addOption(
      new Option("--split <split>", "part of the dataset")
        .choices(["train", "validation", "test"])
        .default("test"),
    )
    .option("--size <n>", "edits at most", wholeNumber(1), 512)
    .addOption(deviceOption())
    .option("--seed <n>", "of the sampling", wholeNumber(0), 0)
    .option("--max-tokens <n>", "longest completion", wholeNumber(1), 512)
    .option("--thought", "the policy writes a thought before the picture")
    .option("--free-grid-text", "the policy writes the grid's rows*columns itself")
    .option("--tasks", "print a table for each kind of edit as well")
    .option("--out <file>", "write the results as JSON, too")
    .action((checkpoint: string, flags: EvaluateFlags) => evaluate(checkpoint, flags, surroundings));
}

async function evaluate(path: string, flags: EvaluateFlags, surroundings: Surroundings): Promise<void> {
  const data = required(flags.data, "--data DIR");
  const checkpoint = resolveCheckpoint(locateRun(path));
  const { openEngine, openPolicy } = await import("../experiment/policy-start.ts");
  const { evaluateHeldOut } = await import("../experiment/held-out.ts");
  const { openEditDataset } = await import("../data/omniedit.ts");
  const { firstEdits } = await import("../edits/prepared-edit.ts");
  const { prepareEdits } = await import("../edits/prepare-edits.ts");
  const { armTable, armTableByTask } = await import("../evaluate/table.ts");

  const dataset = await openEditDataset(data, flags.split);
  const policy = await openPolicy(checkpoint, flags);
  const { tokens, vision, grammar } = policy;
  const prepared = prepareEdits(dataset, { tokens, vision, grammar, thoughts: flags.thought === true });
  const progress = progressOn(surroundings);
  progress.start("Held-out edits", Math.min(flags.size, prepared.count));
  const edits = await firstEdits(prepared, flags.size, (done) => progress.advance(done));
  const settings = {
    engine: EngineSettings.parse({ device: flags.device }),
    optimizer: OptimizerSettings.parse({}),
  };
  progress.start("Evaluation", 2);
  const { results } = await evaluateHeldOut({
    policy,
    edits,
    arms: [{ name: path, open: async () => openEngine(policy, settings, { purpose: "inference" }) }],
    maxTokens: flags.maxTokens,
    seed: flags.seed,
    onDone: (done) => progress.advance(done),
  });
  progress.finish(`${edits.length} edits of ${data}, split ${flags.split}, checkpoint ${checkpoint}`);
  surroundings.stdout.write(`${flags.tasks === true ? armTableByTask(results) : armTable(results)}\n`);
  if (flags.out !== undefined) {
    const { split, seed } = flags;
    const record = { checkpoint, data, split, seed, results };
    writeFileAtomically(flags.out, `${JSON.stringify(record, null, 2)}\n`);
  }
}
