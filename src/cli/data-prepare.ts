/** `earl data prepare CONFIG`: encodes the pictures of a run's data once. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import type { DatasetSplit } from "../data/edit-dataset.ts";
import type { DatasetSettings, OpenDataset } from "../data/open-dataset.ts";
import { NoSplit } from "../data/split-files.ts";
import { readPreparedRecord } from "../data/prepared/prepared-record.ts";
import { openEngineHost } from "../engine/open-engine-host.ts";
import type { EngineHost } from "../engine/engine-host.ts";
import { ConfigError, Interrupted } from "../errors.ts";
import { freshTokenizers } from "../experiment/fresh-policy.ts";
import { begunVision, PREPARED_SPLITS, prepareData } from "../experiment/prepare-data.ts";
import { fetchProgress, HubNames } from "../experiment/hub-names.ts";
import { openingProgress } from "../experiment/progress.ts";
import { loadRunConfig, type RunConfig } from "../experiment/run-config.ts";
import { RunDatasets } from "../experiment/run-datasets.ts";
import { readAdapterDirectory } from "../policy/adapter-directory.ts";
import { requireWritableFolder } from "../runs/writable-place.ts";
import { VISION_FILE, type VisionTokenizer } from "../tokens/vision-tokenizer.ts";
import { overridesOf, required } from "./arguments.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { preparedSources, type PreparedSource } from "./prepared-sources.ts";
import type { Progress } from "./progress.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface PrepareFlags {
  readonly set: string[];
  readonly device?: string;
  readonly out?: string;
  readonly source?: string;
  readonly split: string[];
  readonly pictures?: true;
  readonly rowsPerShard: number;
}

/** Prepares every split of the data, or of each dataset where the config has several; goes on where an earlier call was stopped. */
export async function prepare(file: string, flags: PrepareFlags, surroundings: Surroundings): Promise<void> {
  const config = loadRunConfig(file, overridesOf(flags));
  const out = required(flags.out, "--out DIR");
  requireWritableFolder(out);
  const reason = new Interrupted("Stopped. Whole shards are kept.", "Go on with the same command.");
  using interrupt = listenForInterrupt(surroundings, { says: "Finishing these rows.", reason });
  await using host = await openEngineHost(config.engine);
  const sources = preparedSources(config, out);
  for (const source of chosenOf(sources, flags.source)) {
    const { name, data, directory } = source;
    const splits = source.splits.filter((split) => flags.split.length === 0 || flags.split.includes(split));
    if (splits.length === 0) continue;
    // A branch that moved on since the work was begun is not followed.
    const names = new HubNames({
      onProgress: fetchProgress(progressOn(surroundings)),
      signal: interrupt.signal,
      earlier: readPreparedRecord(directory)?.hub,
    });
    const signal = interrupt.signal;
    await prepareOne(
      { host, names, config, sources, data, directory, wanted: splits, flags, signal },
      name,
      surroundings,
    );
    surroundings.stdout.write(`${directory}\n`);
  }
}

/** The one that is wanted, or all. Throws ConfigError where none has the name. */
function chosenOf(sources: readonly PreparedSource[], wanted: string | undefined): readonly PreparedSource[] {
  if (wanted === undefined) return sources;
  const chosen = sources.filter(({ name }) => name === wanted);
  if (chosen.length > 0) return chosen;
  const names = sources.flatMap(({ name }) => (name === undefined ? [] : [name]));
  throw new ConfigError(`The config has no data named ${wanted}.`, {
    hint: names.length === 0 ? "It has one dataset: leave --source out." : `It has ${names.join(", ")}.`,
  });
}

interface Job {
  readonly host: EngineHost;
  readonly names: HubNames;
  readonly config: RunConfig;
  readonly sources: readonly PreparedSource[];
  readonly data: DatasetSettings;
  readonly directory: string;
  readonly wanted: readonly DatasetSplit[];
  readonly flags: PrepareFlags;
  readonly signal: AbortSignal;
}

async function prepareOne(job: Job, name: string | undefined, surroundings: Surroundings): Promise<void> {
  const { config, data, directory, flags, names, signal } = job;
  const progress = progressOn(surroundings);
  const datasets = new RunDatasets(config.data, (notice) => progress.say(notice), {
    onProgress: openingProgress(progress),
    names,
  });
  const splits = await openSplits(datasets, job, progress);
  await using vision = await openVision(job, splits);
  const total = splits.reduce((sum, { count }) => sum + count, 0);
  const title = name === undefined ? "Prepare" : `Prepare ${name}`;
  progress.start(title, total);
  let seen = 0;
  const record = await prepareData({
    data: JSON.parse(JSON.stringify(data)) as typeof data,
    hub: names.pinned,
    splits,
    vision,
    directory,
    pictures: flags.pictures === true,
    rowsPerShard: flags.rowsPerShard,
    signal,
    onRows(done, earlier) {
      // Rows that lay there already say nothing about the rate.
      if (earlier > seen) progress.start(title, total, done);
      seen = earlier;
      progress.advance(done, "edits");
    },
  });
  const words = PREPARED_SPLITS.flatMap((split) => {
    const about = record.splits[split];
    if (about?.prepared === undefined) return [];
    return [`${about.prepared} ${split}${about.broken === 0 ? "" : ` (${about.broken} could not be read)`}`];
  });
  progress.finish(words.join(", "));
}

/** The splits that were asked for; those that there are where none was. */
async function openSplits(
  datasets: RunDatasets,
  { data, wanted, flags }: Job,
  progress: Progress,
): Promise<OpenDataset[]> {
  const opened: OpenDataset[] = [];
  for (const split of wanted) {
    try {
      opened.push(await datasets.open(split, data));
    } catch (error) {
      if (flags.split.length > 0 || split === "train" || !(error instanceof NoSplit)) throw error;
      progress.say(`Without ${split}: ${error.message}`);
    }
  }
  return opened;
}

/** Of the policy that the config starts from; fitted to the run's training data where that is a fresh one. */
async function openVision(
  { host, names, config, sources, directory, signal }: Job,
  splits: readonly OpenDataset[],
): Promise<VisionTokenizer> {
  const { visionTokenizer } = config.policy;
  if (visionTokenizer !== undefined) return host.openVision(await names.checkpoint(visionTokenizer));
  if (config.policy.checkpoint !== undefined) {
    const checkpoint = await names.checkpoint(config.policy.checkpoint);
    const base = (await readAdapterDirectory(checkpoint))?.base;
    const own = base === undefined || existsSync(join(checkpoint, VISION_FILE));
    return host.openVision(own ? checkpoint : base);
  }
  // Whatever is prepared for one config speaks one language, so that its policy can read it all.
  for (const folder of [directory, ...sources.map((source) => source.directory)]) {
    const begun = begunVision(folder);
    if (begun !== undefined) return host.openVision(begun);
  }
  // With names of its own: the others are not what this folder's rows were read from.
  const train =
    sources.length > 1
      ? await new RunDatasets(config.data, () => undefined, { names: new HubNames({ signal }) }).open("train")
      : splits.find(({ split }) => split === "train");
  if (train === undefined) {
    throw new ConfigError("A codebook is fitted to the training split, which is not prepared here.", {
      hint: "Prepare train as well, or name a policy.checkpoint or policy.visionTokenizer.",
    });
  }
  const fitting = { train, seed: config.seed, writesThoughts: config.data.thoughts };
  return (await freshTokenizers(host, config.tokenizer, fitting)).vision;
}
