/** Which datasets of a config are prepared, and where each goes. */

import { join } from "node:path";

import { nameOf } from "../config/named-list.ts";
import { PREPARED_SPLITS } from "../experiment/prepare-data.ts";
import type { DatasetSplit } from "../data/edit-dataset.ts";
import type { DatasetSettings } from "../data/open-dataset.ts";
import type { StageData } from "../data/stage-data.ts";
import { ConfigError } from "../errors.ts";
import type { RunConfig } from "../experiment/run-config.ts";
import { rlSettings } from "../experiment/stage-datasets.ts";

export interface PreparedSource {
  /** As `--source` says it; absent where the config has one dataset. */
  readonly name?: string;
  readonly data: DatasetSettings;
  readonly directory: string;
  /** Splits that training reads of it. */
  readonly splits: readonly DatasetSplit[];
}

/**
 * The run's data, each source of a mixture for itself, and what stages have beside it, which is only trained on. Alone a
 * dataset goes into `out` itself, several into folders of it. Throws ConfigError where two would have one folder.
 */
export function preparedSources(config: RunConfig, out: string): PreparedSource[] {
  const stages = stageSources(config);
  const own =
    config.data.kind === "mixture" ? mixtureSources(config.data) : [{ name: "data", data: config.data }];
  if (config.data.kind !== "mixture" && stages.length === 0) {
    return [{ data: config.data, directory: out, splits: PREPARED_SPLITS }];
  }
  const all = [
    ...own.map((source) => ({ ...source, splits: PREPARED_SPLITS })),
    ...stages.map((source) => ({ ...source, splits: ["train"] as const })),
  ];
  const names = new Set<string>();
  for (const { name } of all) {
    if (names.has(name)) {
      throw new ConfigError(`Two datasets of the config would be prepared as ${name}.`, {
        hint: "Give the mixture's source another name.",
      });
    }
    names.add(name);
  }
  return all.map((source) => ({ ...source, directory: join(out, source.name) }));
}

interface Named {
  readonly name: string;
  readonly data: DatasetSettings;
}

function mixtureSources(data: RunConfig["data"] & { kind: "mixture" }): Named[] {
  const { maxBrokenShare } = data;
  return data.sources.map((source) => {
    const { name: _name, weight: _weight, holdOut: _holdOut, ...own } = source;
    return { name: nameOf(source), data: { ...own, maxBrokenShare } as DatasetSettings };
  });
}

/** By the places that they have in the config. */
function stageSources({ data, sft, grpo }: RunConfig): Named[] {
  const listed = (stage: string, entries: StageData | undefined): Named[] =>
    (entries ?? []).map(({ steps: _steps, ...own }, at) => ({ name: `${stage}.data.${at}`, data: own }));
  return [
    ...listed("sft", sft.data),
    ...listed("grpo", grpo.data),
    ...(data.rlDirectory === undefined ? [] : [{ name: "data.rlDirectory", data: rlSettings(data) }]),
  ];
}
