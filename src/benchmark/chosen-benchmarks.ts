/** Which benchmarks a command means: names of the settings, kinds, KIND:FOLDER, or all. */

import { existsSync, readFileSync } from "node:fs";

import { nameOf } from "../config/named-list.ts";
import { closest } from "../config/suggest.ts";
import { DataSettings } from "../data/data-settings.ts";
import type { EditDataset } from "../data/edit-dataset.ts";
import { ConfigError, EngineError } from "../errors.ts";
import type { Instruments, LeftOutMeasure, Measure } from "../evaluate/benchmark.ts";
import { BENCHMARKS, BenchmarkChoice, openBenchmark } from "../evaluate/open-benchmark.ts";
import type { HubNames } from "../experiment/hub-names.ts";
import { parseRunConfig } from "../experiment/run-config.ts";
import { RunDatasets } from "../experiment/run-datasets.ts";
import { referenceReward } from "../rewards/reference.ts";
import { runOfCheckpoint } from "../runs/checkpoint.ts";
import { RunDirectory } from "../runs/run-directory.ts";
import type { BenchmarkSettings } from "./benchmark-settings.ts";

export interface ChosenBenchmark {
  readonly name: string;
  readonly choice: BenchmarkChoice;
  readonly isPartial: boolean;
  /** Beside what a judge says. */
  readonly measures: readonly Measure[];
  readonly leftOut: readonly LeftOutMeasure[];
  readonly open: () => Promise<EditDataset>;
}

/** The entries that words stand for, each once. Throws ConfigError that names the one which was probably meant. */
export function choicesOf(
  words: readonly string[],
  { benchmarks }: Pick<BenchmarkSettings, "benchmarks">,
  isPartial = false,
): BenchmarkChoice[] {
  const choices = new Map<string, BenchmarkChoice>();
  for (const word of words) {
    for (const chosen of word === "all" ? benchmarks : [choiceOf(word, benchmarks)]) {
      const choice = isPartial && chosen.kind !== "held-out" ? { ...chosen, partial: true } : chosen;
      const name = nameOf(choice);
      const known = choices.get(name);
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(choice)) {
        throw new ConfigError(`Two benchmarks are called ${name}.`, {
          hint: "Give each a `name` of its own under `benchmarks` in a file for --config.",
        });
      }
      choices.set(name, choice);
    }
  }
  if (choices.size > 0) return [...choices.values()];
  throw new ConfigError("No benchmark is named.", { hint: `There are ${kinds().join(", ")}; or \`all\`.` });
}

const kinds = (): string[] => Object.keys(BENCHMARKS);

function choiceOf(word: string, benchmarks: readonly BenchmarkChoice[]): BenchmarkChoice {
  const named = benchmarks.find((choice) => nameOf(choice) === word);
  if (named !== undefined) return named;
  const [kind = "", ...rest] = word.split(":");
  const directory = rest.join(":");
  if (kinds().includes(kind)) {
    if (rest.length === 0) return BenchmarkChoice.parse({ kind });
    if (directory !== "" && kind !== "held-out") return BenchmarkChoice.parse({ kind, directory });
    throw new ConfigError(
      kind === "held-out"
        ? "held-out is measured on the checkpoint's own dataset; it takes no folder."
        : `${word} names no folder.`,
      { hint: kind === "held-out" ? "Another dataset: --set data.directory=DIR." : `Write ${kind}:FOLDER.` },
    );
  }
  const known = ["all", ...new Set([...benchmarks.map(nameOf), ...kinds()])];
  const meant = closest(kind, known);
  throw new ConfigError(
    `There is no benchmark ${JSON.stringify(kind)}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
    { hint: `There are ${known.join(", ")}. KIND:FOLDER names one with its files.` },
  );
}

export interface BenchmarkParts {
  readonly instruments: Instruments;
  readonly names: HubNames;
  /** Of `held-out`: opens a split of it. */
  readonly heldOut: RunDatasets | undefined;
}

/** A benchmark with what it measures; its files are looked for when it is opened. */
export function chooseBenchmark(
  choice: BenchmarkChoice,
  { instruments, names, heldOut }: BenchmarkParts,
): ChosenBenchmark {
  const unprepared = (): never => {
    throw new EngineError("These edits belong to no policy.");
  };
  const openWith = (resolved: BenchmarkChoice) =>
    openBenchmark(resolved, {
      edits: unprepared,
      prepare: unprepared,
      reward: referenceReward,
      instruments,
    });
  const { name, measures, leftOut = [], isPartial = false } = openWith(choice);
  return {
    name,
    choice,
    isPartial,
    // The judge's scores are in its verdicts.
    measures: measures.filter((measure) => measure.name !== "reward"),
    leftOut,
    open: async () => {
      if (choice.kind !== "held-out") return openWith(await names.dataset(choice)).examples!();
      if (heldOut !== undefined) return heldOut.open(choice.split);
      throw new ConfigError("held-out has no dataset: the checkpoint belongs to no run.", {
        hint: "Name one: --set data.directory=DIR (and data.kind), or a checkpoint within its run.",
      });
    },
  };
}

/** The dataset that `held-out` is a part of: the one that is set, else that of the run the checkpoint lies in. */
export function heldOutData(
  { data }: Pick<BenchmarkSettings, "data">,
  place: string,
): DataSettings | undefined {
  if (data !== undefined) return data;
  const run = new RunDirectory(place);
  const owner = run.exists() ? run : runOfCheckpoint(place);
  if (owner === undefined || !existsSync(owner.config)) return undefined;
  return parseRunConfig(readFileSync(owner.config, "utf8"), owner.config).data;
}
