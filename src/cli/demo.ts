/** `earl demo`: the whole system at a small size, from drawn scenes to the report, on this machine. */

import { join } from "node:path";

import type { DataSettings } from "../data/data-settings.ts";
import { drawnScenes, type SceneDatasetRecord } from "../data/scenes/scene-folder.ts";
import { writeScenes } from "../data/scenes/write-scenes.ts";
import { ConfigError } from "../errors.ts";
import { openEngineHost } from "../engine/open-engine-host.ts";
import { loadRunConfig, RunConfig } from "../experiment/run-config.ts";
import { requireRunMemory } from "../experiment/run-memory.ts";
import { runDirectoryOf } from "../experiment/training-run.ts";
import { JudgeSettings } from "../judge/judge-settings.ts";
import { packageRoot } from "../runs/manifest.ts";
import { refuseTaken, requireBegun } from "../runs/open-run.ts";
import { removeRun } from "../runs/remove-run.ts";
import { isDone } from "../runs/saved-settings.ts";
import { requireWritableFolder } from "../runs/writable-place.ts";
import { overridesOf } from "./arguments.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { modelOfServer } from "./judge-flags.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";
import { conclude, trainAndReport } from "./train-and-report.ts";

/** Demonstrations of recipes/demo. Real ones are imperfect, and that is where rewards help most. */
const DEMONSTRATIONS = {
  seed: 0,
  imperfect: 0.3,
  counts: { train: 20_000, validation: 512, test: 4096 },
} as const;

/** Edits whose right answer is known: what the judge of the GRPO stage compares with. Of other scenes than the test's. */
const JUDGED = { seed: 1, imperfect: 0, counts: { train: 12_000, validation: 1, test: 1 } } as const;

export interface DemoFlags {
  readonly set: string[];
  readonly device?: string;
  readonly judge?: string;
  readonly judgeModel?: string;
  readonly resume?: true;
  readonly force?: true;
}

export async function demo(flags: DemoFlags, surroundings: Surroundings): Promise<void> {
  const overrides = [...(await judgeOverrides(flags)), ...overridesOf(flags)];
  const config = loadRunConfig(join(packageRoot(), "recipes", "demo", "config.yaml"), overrides);
  const directory = runDirectoryOf(config);
  const isResume = flags.resume === true;
  if (isResume && isDone({ directory, config, schema: RunConfig })) {
    await conclude(directory, surroundings);
    return;
  }
  requireRunMemory(config);
  const missing = await missingScenes(config.data, flags);
  for (const scenes of missing) requireWritableFolder(scenes.directory);
  if (flags.force === true) removeRun(directory);
  if (isResume) requireBegun(directory);
  else {
    refuseTaken(directory, "Go on with `earl demo --resume`, or start again with `earl demo --force`.");
  }
  // A device that is not there is no reason to draw scenes first.
  await (await openEngineHost(config.engine))[Symbol.asyncDispose]();
  using interrupt = listenForInterrupt(surroundings);
  await writeDemoScenes(missing, surroundings);
  await trainAndReport({ config, directory, isResume, signal: interrupt.signal }, surroundings);
  surroundings.stderr.write(
    `\nTry it on pictures of your own, and look at what it learned: earl serve ${directory.path}\n`,
  );
}

/** `--judge URL` as settings: VIEScore by the model that was named, or by the only one that the server has. */
async function judgeOverrides({ judge, judgeModel }: DemoFlags): Promise<string[]> {
  if (judge === undefined) {
    if (judgeModel === undefined) return [];
    throw new ConfigError("--judge-model needs --judge URL.", { hint: "Name the server, too." });
  }
  const endpoints = [{ url: judge }];
  const model = judgeModel ?? (await onlyModel(judge));
  return [`rewards=${JSON.stringify([{ kind: "viescore", model, endpoints }])}`];
}

async function onlyModel(url: string): Promise<string> {
  const settings = JudgeSettings.safeParse({ model: "any", endpoints: [{ url }], cache: { isUsed: false } });
  if (!settings.success) {
    throw new ConfigError(`--judge ${JSON.stringify(url)}: ${settings.error.issues[0]?.message}.`, {
      hint: "Give the server's address with its /v1.",
    });
  }
  return modelOfServer(settings.data, "--judge-model NAME", new AbortController().signal);
}

type Scenes = (typeof DEMONSTRATIONS | typeof JUDGED) & { readonly directory: string };

/**
 * The datasets that are still to be drawn. Throws DataError or ConfigError where something else lies in their place:
 * what earl did not draw is never replaced, other scenes that it drew with `--force` alone.
 */
async function missingScenes(data: DataSettings, { force, resume }: DemoFlags): Promise<Scenes[]> {
  if (data.kind !== "omniedit") {
    throw new ConfigError(`The demo draws its own data, and cannot train on data.kind ${data.kind}.`, {
      hint: "Use `earl train` with a config for other data.",
    });
  }
  const { directory, rlDirectory } = data;
  const wanted: Scenes[] = [
    { ...DEMONSTRATIONS, directory },
    ...(rlDirectory === undefined ? [] : [{ ...JUDGED, directory: rlDirectory }]),
  ];
  const missing: Scenes[] = [];
  for (const scenes of wanted) {
    const found = await drawnScenes(scenes.directory);
    // Whether a resumed run's data is what it was is checked where it is resumed.
    if (found !== undefined && (resume === true || isDrawnAs(found, scenes))) continue;
    if (found !== undefined && force === undefined) {
      throw new ConfigError(`${scenes.directory} holds other scenes than the demo's.`, {
        hint: "Choose another data.directory, or replace them with --force.",
      });
    }
    missing.push(scenes);
  }
  return missing;
}

function isDrawnAs(
  { seed, imperfect, cells, phrasing, splits }: SceneDatasetRecord,
  scenes: Scenes,
): boolean {
  const { train, validation, test } = scenes.counts;
  return (
    seed === scenes.seed &&
    imperfect === scenes.imperfect &&
    cells === 4 &&
    phrasing === "plain" &&
    splits.train.rows === train &&
    splits.validation.rows === validation &&
    splits.test.rows === test
  );
}

async function writeDemoScenes(wanted: readonly Scenes[], surroundings: Surroundings): Promise<void> {
  const total = wanted.reduce((sum, { counts }) => sum + counts.train + counts.validation + counts.test, 0);
  if (total === 0) return;
  const progress = progressOn(surroundings);
  progress.start("Scenes", total);
  let before = 0;
  for (const request of wanted) {
    let written = 0;
    await writeScenes({ ...request, overwrite: true }, ({ done }) => {
      written = done;
      progress.advance(before + done);
    });
    before += written;
  }
  const { counts, imperfect } = DEMONSTRATIONS;
  progress.finish(
    `${counts.train} demonstrations (${100 * imperfect} % with a wrong target), ${JUDGED.counts.train} judged edits, ${counts.test} held out`,
  );
}
