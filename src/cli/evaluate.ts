/** `earl evaluate RUN|CHECKPOINT`: scores a checkpoint on held-out edits. */

import { DataSettings } from "../data/data-settings.ts";
import type { DatasetSplit, EditDataset } from "../data/edit-dataset.ts";
import { firstEdits, type PreparedEdits } from "../edits/prepared-edit.ts";
import { EngineSettings, openEngineHost } from "../engine/open-engine-host.ts";
import { OptimizerSettings } from "../engine/optimizer-settings.ts";
import { DataError, Interrupted } from "../errors.ts";
import { DECODINGS, evaluateBenchmark } from "../evaluate/evaluate-benchmark.ts";
import { openBenchmark } from "../evaluate/open-benchmark.ts";
import { armTable, armTableByTask } from "../evaluate/table.ts";
import { printable } from "../format.ts";
import { fetchProgress, HubNames } from "../experiment/hub-names.ts";
import { policyNotices } from "../experiment/policy-notices.ts";
import { openEngine } from "../experiment/open-engine.ts";
import { openPolicy } from "../experiment/open-policy.ts";
import { unaskedWriting } from "../experiment/taught-writing.ts";
import { RunDatasets } from "../experiment/run-datasets.ts";
import { referenceReward } from "../rewards/reference.ts";
import type { ArmResult } from "../runs/arm-result.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { resolveCheckpoint } from "../runs/checkpoint.ts";
import { requireWritableFile } from "../runs/writable-place.ts";
import { longestCompletion } from "../tokens/completion-length.ts";
import { required } from "./arguments.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { locateRun } from "./locate-run.ts";
import { refuseForeignEvaluation } from "./own-output.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface EvaluateFlags {
  readonly data?: string;
  readonly split: DatasetSplit;
  readonly size: number;
  readonly seed: number;
  readonly device?: string;
  /** As long as the pictures need where not given. */
  readonly maxTokens?: number;
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
  if (flags.out !== undefined) {
    requireWritableFile(flags.out);
    refuseForeignEvaluation(flags.out);
  }
  const names = new HubNames({ onProgress: fetchProgress(progressOn(surroundings)) });
  const checkpoint = resolveCheckpoint(await names.checkpoint(locateRun(path)));
  const stopped = new Interrupted("Stopped; nothing was written.", "Start again with the same command.");
  using interrupt = listenForInterrupt(surroundings, { says: "Stopping.", reason: stopped });
  const { signal } = interrupt;

  await using host = await openEngineHost(EngineSettings.parse({ device: flags.device }));
  const policy = await openPolicy(host, checkpoint, flags);
  const { tokens, vision, grammar } = policy;
  const progress = progressOn(surroundings);
  // Nothing is trained on them, and the table says how many were scored.
  const datasets = new RunDatasets(DataSettings.parse({ directory: data, maxBrokenShare: 1 }), (notice) =>
    progress.say(notice),
  );
  const prepare = (dataset: EditDataset): PreparedEdits =>
    datasets.prepare(dataset, { tokens, vision, grammar, thoughts: flags.thought === true });
  const { split } = flags;
  const benchmark = openBenchmark(
    { kind: "held-out", split },
    {
      edits: async (part) => prepare(await datasets.open(part)),
      prepare: async (dataset) => prepare(dataset),
      reward: referenceReward,
    },
  );
  const prepared = await benchmark.open();
  progress.start("Held-out edits", Math.min(flags.size, prepared.count));
  const edits = await firstEdits(prepared, flags.size, (done) => {
    signal.throwIfAborted();
    progress.advance(done);
  });
  const prompts = edits.map(({ prompt }) => prompt);
  const maxTokens = flags.maxTokens ?? longestCompletion(grammar, prompts);
  const notices = [...policyNotices(policy, edits, maxTokens), ...unaskedWriting(checkpoint, flags)];
  for (const notice of notices) progress.say(notice);
  const purpose = { optimizer: OptimizerSettings.parse({}), purpose: "inference" } as const;
  progress.start("Evaluation", DECODINGS.length);
  const { measures, results } = await evaluateBenchmark({
    benchmark,
    policy,
    edits,
    arms: [
      {
        name: path,
        role: "policy",
        open: async () => openEngine(host, policy, purpose),
      },
    ],
    maxTokens,
    seed: flags.seed,
    signal,
    onDone: (done) => progress.advance(done),
  });
  requireScored(results);
  progress.finish(`${edits.length} edits of ${data}, split ${split}, checkpoint ${checkpoint}`);
  const table = flags.tasks === true ? armTableByTask(results, measures) : armTable(results, measures);
  surroundings.stdout.write(`${printable(table)}\n`);
  if (flags.out !== undefined) {
    const { seed } = flags;
    const record = { checkpoint, data, split, seed, measures, results: results.map(withEarlierFields) };
    writeFileAtomically(flags.out, `${JSON.stringify(record, null, 2)}\n`);
  }
}

/** Throws DataError where the policy wrote no picture at all: a table of failures would explain nothing. */
function requireScored(results: readonly ArmResult[]): void {
  const policies = results.filter(({ role, task }) => role !== "copy" && task === "all");
  if (policies.some(({ count, failed }) => failed < count)) return;
  throw new DataError(`None of the ${policies[0]?.count} pictures of the policy could be scored.`, {
    hint: "Raise --max-tokens, or check that the policy was trained to write pictures.",
  });
}

/** Two figures have names of their own as well: readers of the file from before there were measures look there. */
function withEarlierFields(result: ArmResult): object {
  return { ...result, reward: result.figures["reward"], exactMatch: result.figures["exact_match"] };
}
