/** `earl benchmark NAMES --checkpoint DIR`: lets checkpoints make a benchmark's edits, and scores them. */

import { join } from "node:path";

import { makeArmEdits, wantedItems } from "../benchmark/arm-edits.ts";
import { writeInputs, type BenchmarkInputs } from "../benchmark/benchmark-inputs.ts";
import { choicesOf, heldOutData } from "../benchmark/chosen-benchmarks.ts";
import { copySources } from "../benchmark/copied-sources.ts";
import { INPUTS_FOLDER } from "../benchmark/edit-items.ts";
import { whileLocked } from "../benchmark/folder-lock.ts";
import { judgeOf, requireNeeded } from "../benchmark/judges.ts";
import { COPY_ARM, namedPlaces } from "../benchmark/named-arms.ts";
import type { ScoredArm } from "../benchmark/scored-arm.ts";
import { refuseForeignResults } from "../benchmark/write-results.ts";
import { openEngineHost } from "../engine/open-engine-host.ts";
import { Interrupted } from "../errors.ts";
import { fetchProgress, HubNames, localTokenizers } from "../experiment/hub-names.ts";
import { RunDatasets } from "../experiment/run-datasets.ts";
import { resolveCheckpoint } from "../runs/checkpoint.ts";
import { requireWritableFolder } from "../runs/writable-place.ts";
import { required } from "./arguments.ts";
import { benchmarkSettings, openScoring, type ScoringFlags } from "./benchmark-settings.ts";
import { requireMeasures, scoreFolder, scoreNote, tellResults } from "./benchmark-scoring.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { locateRun } from "./locate-run.ts";
import { followLoad } from "./run-progress.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface BenchmarkFlags extends ScoringFlags {
  readonly checkpoint?: string;
  readonly against: readonly string[];
  readonly out: string;
  readonly samples?: number;
  readonly seeds?: readonly number[];
  readonly device?: string;
  readonly tokenizer?: string;
  readonly visionTokenizer?: string;
  readonly copy?: true;
  readonly editsOnly?: true;
}

export async function runBenchmarks(
  words: readonly string[],
  flags: BenchmarkFlags,
  surroundings: Surroundings,
): Promise<void> {
  const { out } = flags;
  const stopped = new Interrupted(`Stopped. What was made is in ${out}.`, "Go on with the same command.");
  using interrupt = listenForInterrupt(surroundings, { says: "Stopping.", reason: stopped });
  const settings = await benchmarkSettings(flags, overridesOf(flags), interrupt.signal);
  const choices = choicesOf(words, settings, flags.partial === true);
  const places = namedPlaces([required(flags.checkpoint, "--checkpoint DIR"), ...flags.against]);
  requireWritableFolder(out);
  refuseForeignResults(out);
  const progress = progressOn(surroundings);
  const names = new HubNames({ onProgress: fetchProgress(progress), signal: interrupt.signal });
  const arms = [];
  for (const { name, place } of places) {
    arms.push({ name, directory: resolveCheckpoint(await names.checkpoint(locateRun(place))) });
  }
  const say = (line: string): void => progress.say(line);
  const data = choices.some(({ kind }) => kind === "held-out")
    ? heldOutData(settings, locateRun(places[0]!.place))
    : undefined;
  const heldOut = data === undefined ? undefined : new RunDatasets(data, say, { names });
  await using opened = await openScoring({
    settings,
    choices,
    names,
    heldOut,
    progress,
    signal: interrupt.signal,
    hint: `See what the server says, and \`earl judge check\`. What was made is in ${out}: the same command goes on.`,
  });
  const { benchmarks, signal } = opened;
  if (flags.editsOnly !== true) requireMeasures(benchmarks, settings);

  const inputs = new Map<string, BenchmarkInputs>();
  for (const benchmark of benchmarks) {
    const { name } = benchmark;
    const folder = join(out, INPUTS_FOLDER, name);
    progress.start(`Rows of ${name}`, 0);
    const onItem = follow(progress, `Rows of ${name}`);
    const request = { ...benchmark, folder, size: settings.size, signal, onItem };
    const written = await whileLocked(folder, () => writeInputs(request));
    const judge =
      flags.editsOnly === true ? undefined : judgeOf(written.about.choice.kind, settings, opened.reward);
    if (judge !== undefined) requireNeeded(judge, written);
    inputs.set(name, written);
  }

  const counts = { scored: 0, failed: 0 };
  const judging: Promise<ScoredArm>[] = [];
  const stop = new AbortController();
  const making = AbortSignal.any([signal, stop.signal]);
  const score = (folder: string, arm: string, benchmark: string, show: boolean): Promise<ScoredArm> => {
    const own = inputs.get(benchmark)!;
    const before = { done: 0, failed: 0 };
    return scoreFolder({
      folder,
      naming: {
        arm,
        inputs: own,
        size: settings.size,
        seeds: arm === COPY_ARM ? undefined : settings.drawing.seeds,
      },
      benchmark: benchmarks.find(({ name }) => name === benchmark),
      opened,
      settings,
      onScore: (done, _total, failed) => {
        counts.scored += done - before.done;
        counts.failed += failed - before.failed;
        Object.assign(before, { done, failed });
        if (show) progress.advance(counts.scored, scoreNote(counts.failed));
      },
    });
  };
  let isMaking = true;
  const begin = (folder: string, arm: string, benchmark: string): void => {
    if (flags.editsOnly === true) return;
    const work = score(folder, arm, benchmark, false);
    // What cannot be scored ends the making too; who waits for it below hears of it.
    work.catch((error: unknown) => stop.abort(error));
    judging.push(work);
  };
  if (flags.copy === true) {
    for (const own of inputs.values()) begin(copySources(out, own, settings.size), COPY_ARM, own.about.name);
  }
  const draws = settings.drawing.seeds.length * settings.drawing.samples;
  const perArm =
    [...inputs.values()].reduce((sum, own) => sum + wantedItems(own, settings.size).length, 0) * draws;
  const reading = { ...settings.reading, ...(await localTokenizers(settings.reading, names)) };
  await using host = await openEngineHost(settings.engine);
  try {
    for (const arm of arms) {
      let title = "";
      await makeArmEdits({
        host,
        arm,
        out,
        settings: { ...settings, reading },
        benchmarks: [...inputs.values()].map((own) => ({ inputs: own })),
        signal: making,
        listener: {
          onLoad: followLoad(progress),
          onPolicy: (about) => progress.say(`Arm ${arm.name}: ${about}`),
          onBegin: (benchmark, total, done) => {
            title = `Edits ${benchmark}, ${arm.name}`;
            progress.start(title, total, done);
          },
          onEdit: (done, tokens) => {
            const judged = counts.scored > 0 && isMaking ? `, ${counts.scored} scored` : "";
            progress.advance(done, `${tokens} tokens${judged}`);
          },
          onEnd: (_, total) => progress.finish(`${total} edits`),
        },
        onBenchmark: (own, folder) => begin(folder, arm.name, own.about.name),
      });
    }
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(judging);
    signal.throwIfAborted();
    throw error;
  }
  isMaking = false;
  if (flags.editsOnly === true) {
    surroundings.stderr.write(`The edits are in ${out}; \`earl benchmark score ${out}\` scores them.\n`);
    return;
  }
  const total = perArm * arms.length + (flags.copy === true ? perArm / draws : 0);
  progress.start("Score", total, counts.scored);
  const watch = setInterval(() => progress.advance(counts.scored, scoreNote(counts.failed)), 200);
  try {
    const scored = await Promise.all(judging);
    progress.advance(counts.scored);
    progress.finish(`${counts.scored} edits${counts.failed === 0 ? "" : `, ${scoreNote(counts.failed)}`}`);
    const order = [...arms.map(({ name }) => name), COPY_ARM];
    const sorted = scored.toSorted((left, right) => order.indexOf(left.arm) - order.indexOf(right.arm));
    tellResults(out, sorted, { settings, progress, surroundings });
  } finally {
    clearInterval(watch);
    await Promise.allSettled(judging);
  }
}

function follow(
  progress: { start(label: string, total: number, done?: number): void; advance(done: number): void },
  label: string,
) {
  let isBegun = false;
  return (done: number, total: number): void => {
    if (!isBegun) progress.start(label, total, done - 1);
    isBegun = true;
    progress.advance(done);
  };
}

function overridesOf(flags: BenchmarkFlags): string[] {
  const { samples, seeds, device, tokenizer, visionTokenizer } = flags;
  return [
    ...(tokenizer === undefined ? [] : [`reading.tokenizer=${tokenizer}`]),
    ...(visionTokenizer === undefined ? [] : [`reading.visionTokenizer=${visionTokenizer}`]),
    ...(samples === undefined ? [] : [`drawing.samples=${samples}`]),
    ...(seeds === undefined || seeds.length === 0 ? [] : [`drawing.seeds=[${seeds.join(",")}]`]),
    ...(device === undefined ? [] : [`engine.device=${device}`]),
  ];
}
