/** What a manifest says of a dataset: what was declared, what is in it, and whose it is. */

import { cardOf, DATASETS, type DatasetSettings, type OpenDataset } from "../data/open-dataset.ts";
import { drawnBy } from "../data/scenes/drawn-by.ts";
import { nameOf } from "../config/named-list.ts";
import type { Manifest } from "../runs/manifest.ts";

export type DatasetDescription = NonNullable<Manifest["datasets"]>[number];
type Terms = NonNullable<DatasetDescription["terms"]>[number];

/** `settings` are those that the dataset was opened with; rows are those that a reader may be given, broken ones included. */
export function describeDataset(dataset: OpenDataset, settings: DatasetSettings): DatasetDescription {
  const { split, count, files, repeated, notices, parts } = dataset;
  const kinds =
    settings.kind === "mixture"
      ? settings.sources.map((source) => ({
          name: nameOf(source),
          kind: source.kind,
          scenes: scenesOf(source),
        }))
      : [{ name: undefined, kind: settings.kind, scenes: scenesOf(settings) }];
  const terms = kinds.flatMap(({ name, kind, scenes }): Terms[] => {
    // Scenes are written as OmniEdit's files are, and are not OmniEdit.
    if (scenes !== undefined) return [];
    const card = Object.hasOwn(DATASETS, kind) ? cardOf(kind as keyof typeof DATASETS) : undefined;
    if (card === undefined) return [];
    const { title, licence, page, gating } = card;
    return [
      {
        ...(name !== undefined && { source: name }),
        title,
        licence,
        page,
        ...(gating !== undefined && { gating }),
      },
    ];
  });
  const generated = [...new Set(kinds.flatMap(({ scenes }) => scenes ?? []))];
  return {
    split,
    declared: settings,
    rows: count,
    files: files.length,
    repeated,
    filters: notices,
    ...(parts !== undefined && {
      sources: parts.map(({ name, weight, rows, taken }) => ({ name, weight, rows, taken })),
    }),
    ...(terms.length > 0 && { terms }),
    ...(generated.length > 0 && { generated }),
  };
}

function scenesOf(settings: object): string | undefined {
  return "directory" in settings && typeof settings.directory === "string"
    ? drawnBy(settings.directory)
    : undefined;
}
