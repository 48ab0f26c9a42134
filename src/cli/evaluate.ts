/** `earl evaluate RUN|CHECKPOINT`: scores a checkpoint on held-out edits. */

import type { DatasetSplit } from "../data/edit-dataset.ts";
import { openEditDataset } from "../data/omniedit.ts";
import { prepareEdits } from "../edits/prepare-edits.ts";
import { firstEdits } from "../edits/prepared-edit.ts";
import { EngineSettings } from "../engine/engines.ts";
import { OptimizerSettings } from "../engine/optimizer-settings.ts";
import { armTable, armTableByTask } from "../evaluate/table.ts";
import { evaluateHeldOut } from "../experiment/held-out.ts";
import { policyNotices } from "../experiment/policy-notices.ts";
import { openEngine, openPolicy } from "../experiment/policy-start.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { resolveCheckpoint } from "../runs/checkpoint.ts";
import { required } from "./arguments.ts";
import { locateRun } from "./locate-run.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface EvaluateFlags {
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

export async function evaluate(
  path: string,
  flags: EvaluateFlags,
  surroundings: Surroundings,
): Promise<void> {
  const data = required(flags.data, "--data DIR");
  const checkpoint = resolveCheckpoint(locateRun(path));

  const dataset = await openEditDataset(data, flags.split);
  const policy = await openPolicy(checkpoint, flags);
  const { tokens, vision, grammar } = policy;
  const prepared = prepareEdits(dataset, { tokens, vision, grammar, thoughts: flags.thought === true });
  const progress = progressOn(surroundings);
  progress.start("Held-out edits", Math.min(flags.size, prepared.count));
  const edits = await firstEdits(prepared, flags.size, (done) => progress.advance(done));
  for (const notice of policyNotices(policy, edits, flags.maxTokens)) progress.say(notice);
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
