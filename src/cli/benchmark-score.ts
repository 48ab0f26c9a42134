/** `earl benchmark score FOLDER`: scores edits that are there, of checkpoints or of any other system. */

import { basename, dirname, join, resolve } from "node:path";

import { writeInputs } from "../benchmark/benchmark-inputs.ts";
import { choicesOf } from "../benchmark/chosen-benchmarks.ts";
import { editFolders } from "../benchmark/edit-arm.ts";
import { findInputs, INPUTS_FOLDER } from "../benchmark/edit-items.ts";
import { readEditsAbout } from "../benchmark/edits-folder.ts";
import { whileLocked } from "../benchmark/folder-lock.ts";
import { namedPlace } from "../benchmark/named-arms.ts";
import type { ScoredArm } from "../benchmark/scored-arm.ts";
import { refuseForeignResults } from "../benchmark/write-results.ts";
import { nameOf } from "../config/named-list.ts";
import { ConfigError, Interrupted } from "../errors.ts";
import { BenchmarkChoice } from "../evaluate/open-benchmark.ts";
import { fetchProgress, HubNames } from "../experiment/hub-names.ts";
import { RunDatasets } from "../experiment/run-datasets.ts";
import { requireWritableFolder } from "../runs/writable-place.ts";
import { benchmarkSettings, openScoring, type ScoringFlags } from "./benchmark-settings.ts";
import { scoreFolder, scoreNote, tellResults } from "./benchmark-scoring.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface BenchmarkScoreFlags extends ScoringFlags {
  /** One, or several: folders of edits are then called by the names of theirs. */
  readonly benchmark: readonly string[];
  readonly out?: string;
}

interface Found {
  readonly folder: string;
  /** As the command names it, or where its folder is called by its benchmark as the folder above is. */
  readonly arm: string | undefined;
  readonly choice: BenchmarkChoice | undefined;
}

export async function scoreBenchmarks(
  words: readonly string[],
  flags: BenchmarkScoreFlags,
  surroundings: Surroundings,
): Promise<void> {
  const places = words.map(namedPlace);
  const out = flags.out ?? places[0]!.place;
  const stopped = new Interrupted(
    "Stopped. What was scored is beside the edits.",
    "Go on with the same command.",
  );
  using interrupt = listenForInterrupt(surroundings, { says: "Stopping.", reason: stopped });
  const settings = await benchmarkSettings(flags, [], interrupt.signal);
  const named =
    flags.benchmark.length === 0 ? [] : choicesOf(flags.benchmark, settings, flags.partial === true);
  const found = places.flatMap(({ name, place }, index): Found[] => {
    const isNamed = words[index] !== place;
    return ofNamed(editFolders(place), named).map((folder) => {
      const choice = named.length === 0 ? choiceIn(folder) : choiceFor(folder, named);
      const isCalledByIt = choice !== undefined && basename(resolve(folder)) === nameOf(choice);
      const isForeign = readEditsAbout(folder) === undefined;
      return {
        folder,
        arm: isNamed ? name : isCalledByIt && isForeign ? basename(dirname(resolve(folder))) : undefined,
        choice,
      };
    });
  });
  requireWritableFolder(out);
  refuseForeignResults(out);
  const progress = progressOn(surroundings);
  const names = new HubNames({ onProgress: fetchProgress(progress), signal: interrupt.signal });
  const choices = new Map(
    found.flatMap(({ choice }) => (choice === undefined ? [] : [[nameOf(choice), choice] as const])),
  );
  const heldOut =
    settings.data === undefined
      ? undefined
      : new RunDatasets(settings.data, (line) => progress.say(line), { names });
  await using opened = await openScoring({
    settings,
    choices: [...choices.values()],
    names,
    heldOut,
    progress,
    signal: interrupt.signal,
    hint: "See what the server says, and `earl judge check`. What was scored is beside the edits: the same command goes on.",
  });

  const scored: ScoredArm[] = [];
  for (const { folder, arm, choice } of found) {
    opened.signal.throwIfAborted();
    const benchmark = opened.benchmarks.find(({ name }) => choice !== undefined && name === nameOf(choice));
    const label = `Score ${arm ?? readEditsAbout(folder)?.arm ?? armOf(folder)}${benchmark === undefined ? "" : ` on ${benchmark.name}`}`;
    const inputs = await inputsOf(folder, benchmark, out, opened.signal);
    let isBegun = false;
    let last = 0;
    scored.push(
      await scoreFolder({
        folder,
        naming: {
          arm: arm ?? (readEditsAbout(folder) === undefined ? armOf(folder) : undefined),
          inputs,
          size: settings.size,
        },
        benchmark,
        opened,
        settings,
        onScore: (done, total, failed) => {
          if (!isBegun) progress.start(label, total);
          isBegun = true;
          last = total;
          progress.advance(done, scoreNote(failed));
        },
      }),
    );
    if (isBegun) progress.finish(`${last} edits`);
  }
  requireOwnNames(scored);
  tellResults(out, scored, { settings, progress, surroundings });

  /** The rows, where the edits have none beside them and the command names the benchmark. */
  async function inputsOf(
    folder: string,
    benchmark: (typeof opened.benchmarks)[number] | undefined,
    place: string,
    signal: AbortSignal,
  ): Promise<ReturnType<typeof findInputs>> {
    if (benchmark === undefined) return undefined;
    const near = findInputs(folder, benchmark.name) ?? findInputs(place, benchmark.name);
    const isEnough =
      near !== undefined && near.about.wanted >= Math.min(settings.size ?? Infinity, near.about.rows);
    if (isEnough || named.length === 0) return near;
    const own = join(place, INPUTS_FOLDER, benchmark.name);
    progress.start(`Rows of ${benchmark.name}`, 0);
    const onItem = (done: number): void => progress.advance(done);
    const request = { ...benchmark, folder: own, size: settings.size, signal, onItem };
    return whileLocked(own, () => writeInputs(request));
  }
}

/** The benchmark that a folder's own rows say they are of. */
function choiceIn(folder: string): BenchmarkChoice | undefined {
  const about = readEditsAbout(folder);
  const inputs = about === undefined ? undefined : findInputs(folder, about.benchmark);
  if (inputs === undefined) return undefined;
  const choice = BenchmarkChoice.safeParse(inputs.about.choice);
  return choice.success ? choice.data : undefined;
}

/** Of an arm's folders those that are called by the benchmark that is named; all where none is. */
function ofNamed(folders: readonly string[], named: readonly BenchmarkChoice[]): readonly string[] {
  const [choice, ...others] = named;
  if (choice === undefined || others.length > 0) return folders;
  const own = folders.filter((folder) => basename(resolve(folder)) === nameOf(choice));
  return own.length === 0 ? folders : own;
}

/** The benchmark that is named, or of several the one that the folder is called by. Throws ConfigError where there is none. */
function choiceFor(folder: string, named: readonly BenchmarkChoice[]): BenchmarkChoice {
  if (named.length === 1) return named[0]!;
  const own = basename(resolve(folder));
  const choice = named.find((one) => nameOf(one) === own);
  if (choice !== undefined) return choice;
  throw new ConfigError(`The folder ${folder} is called by none of the benchmarks that are named.`, {
    hint: `Edits of several lie in folders of their names: ${named.map(nameOf).join(", ")}.`,
  });
}

function armOf(folder: string): string {
  return basename(resolve(folder)) || dirname(resolve(folder));
}

/** Throws ConfigError where two folders would stand in one row of a table. */
function requireOwnNames(scored: readonly ScoredArm[]): void {
  const seen = new Set<string>();
  for (const { arm, benchmark } of scored) {
    const key = JSON.stringify([arm, benchmark]);
    if (seen.has(key)) {
      throw new ConfigError(`Two arms on ${benchmark} are called ${arm}.`, {
        hint: "Name them: NAME=FOLDER OTHER=FOLDER.",
      });
    }
    seen.add(key);
  }
}
