/** `earl data prepare CONFIG`: encodes the pictures of a run's data once. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import type { DatasetSplit } from "../data/edit-dataset.ts";
import type { DatasetSettings, OpenDataset } from "../data/open-dataset.ts";
import { NoSplit } from "../data/split-files.ts";
import { nameOf } from "../config/named-list.ts";
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

/** Prepares every split of the data, or of each source of a mixture; goes on where an earlier call was stopped. */
export async function prepare(file: string, flags: PrepareFlags, surroundings: Surroundings): Promise<void> {
  const config = loadRunConfig(file, overridesOf(flags));
  const out = required(flags.out, "--out DIR");
  requireWritableFolder(out);
  const reason = new Interrupted("Stopped. Whole shards are kept.", "Go on with the same command.");
  using interrupt = listenForInterrupt(surroundings, { says: "Finishing these rows.", reason });
  const others = dataOfStages(config);
  if (others !== "") {
    progressOn(surroundings).say(
      `${others} not prepared, \`data\` alone is: training goes on reading the pictures there.`,
    );
  }
  await using host = await openEngineHost(config.engine);
  for (const { name, data } of sourcesOf(config, flags.source)) {
    const directory = name === undefined ? out : join(out, name);
    // A branch that moved on since the work was begun is not followed.
    const names = new HubNames({
      onProgress: fetchProgress(progressOn(surroundings)),
      signal: interrupt.signal,
      earlier: readPreparedRecord(directory)?.hub,
    });
    const job = { host, names, config, out, data, directory, flags, signal: interrupt.signal };
    await prepareOne(job, name, surroundings);
    surroundings.stdout.write(`${directory}\n`);
  }
}

/** Data that stages have beside the run's, with the verb; empty where they have none. */
function dataOfStages({ data, sft, grpo }: RunConfig): string {
  const names = [
    ...(sft.data === undefined ? [] : ["sft.data"]),
    ...(grpo.data === undefined ? [] : ["grpo.data"]),
    ...(data.rlDirectory === undefined ? [] : ["data.rlDirectory"]),
  ];
  return names.length === 0 ? "" : `${names.join(" and ")} ${names.length === 1 ? "is" : "are"}`;
}

interface Source {
  /** Absent where the data is no mixture. */
  readonly name?: string;
  readonly data: DatasetSettings;
}

/** Throws ConfigError where no source has the name. */
function sourcesOf({ data }: RunConfig, wanted: string | undefined): Source[] {
  if (data.kind !== "mixture") {
    if (wanted === undefined) return [{ data }];
    throw new ConfigError("--source is for mixtures, and data is none.", { hint: "Leave it out." });
  }
  const { maxBrokenShare } = data;
  const all = data.sources.map(({ name: _name, weight: _weight, holdOut: _holdOut, ...own }, at) => ({
    name: nameOf(data.sources[at]!),
    data: { ...own, maxBrokenShare } as DatasetSettings,
  }));
  const chosen = all.filter(({ name }) => wanted === undefined || name === wanted);
  if (chosen.length > 0) return chosen;
  throw new ConfigError(`The mixture has no source ${wanted}.`, {
    hint: `Its sources: ${all.map(({ name }) => name).join(", ")}.`,
  });
}

interface Job {
  readonly host: EngineHost;
  readonly names: HubNames;
  readonly config: RunConfig;
  /** Folder of all sources; `directory` where the data is no mixture. */
  readonly out: string;
  readonly data: DatasetSettings;
  readonly directory: string;
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
  const splits = await openSplits(datasets, data, flags.split, progress);
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
  data: DatasetSettings,
  asked: readonly string[],
  progress: Progress,
): Promise<OpenDataset[]> {
  const wanted = asked.length === 0 ? PREPARED_SPLITS : (asked as DatasetSplit[]);
  const opened: OpenDataset[] = [];
  for (const split of wanted) {
    try {
      opened.push(await datasets.open(split, data));
    } catch (error) {
      if (asked.length > 0 || split === "train" || !(error instanceof NoSplit)) throw error;
      progress.say(`Without ${split}: ${error.message}`);
    }
  }
  return opened;
}

/** Of the policy that the config starts from; fitted to the training split, of a mixture's to all of it, where that is a fresh one. */
async function openVision(
  { host, names, config, out, directory, signal }: Job,
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
  // Sources of a mixture speak one language, so that a policy can read them all.
  const isMixture = config.data.kind === "mixture";
  const folders = isMixture ? sourcesOf(config, undefined).map(({ name }) => join(out, name!)) : [];
  for (const folder of [directory, ...folders]) {
    const begun = begunVision(folder);
    if (begun !== undefined) return host.openVision(begun);
  }
  // With names of its own: the other sources are not what this folder's rows were read from.
  const train = isMixture
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
