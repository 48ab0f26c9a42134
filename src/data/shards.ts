/** Files that together are one table: `train-00000-of-00002.parquet` and `train-00001-of-00002.parquet`. */

import { basename, dirname } from "node:path";

import { DataError } from "../errors.ts";

interface Shard {
  readonly path: string;
  /** Folder and what stands before its number; those of one series share it. */
  readonly series: string;
  /** Absent where its name has none. */
  readonly number: number | undefined;
  /** Of its generation; absent where its name does not say. */
  readonly count: number | undefined;
  /** Its name with another number. */
  readonly named: (number: number) => string;
}

const SHOWN = 3;

/**
 * The files of one generation of each series. Where there are several, the single file is taken, since all hold the same
 * rows. Throws DataError where a shard is missing, or several generations lie together and none is a single file.
 */
export function wholeGeneration(paths: readonly string[]): string[] {
  const series = new Map<string, Shard[]>();
  for (const shard of paths.map(shardOf)) {
    series.set(shard.series, [...(series.get(shard.series) ?? []), shard]);
  }
  const generations = [...series.values()].map(oneGeneration);
  for (const generation of generations) requireWhole(generation);
  const taken = new Set(generations.flat().map(({ path }) => path));
  return paths.filter((path) => taken.has(path));
}

function shardOf(path: string): Shard {
  const name = basename(path);
  const [, before = "", digits, behind = ""] =
    /^(.*?)(\d+)(-of-\d+.*)$/.exec(name) ?? /^()(\d+)(\.(?:parquet|arrow|tar))$/.exec(name) ?? [];
  if (digits === undefined) {
    return { path, series: path, number: undefined, count: undefined, named: () => name };
  }
  const count = /^-of-(\d+)/.exec(behind)?.[1];
  return {
    path,
    // The shards of one split may lie in a folder and its `data/`, those without a count only side by side.
    series: count === undefined ? `${dirname(path)}/` : before,
    number: Number(digits),
    count: count === undefined ? undefined : Number(count),
    named: (number) => `${before}${String(number).padStart(digits.length, "0")}${behind}`,
  };
}

function oneGeneration(shards: readonly Shard[]): readonly Shard[] {
  if (new Set(shards.map(({ count }) => count)).size < 2) return shards;
  const single = shards.filter(({ count }) => count === 1);
  if (single.length > 0) return single;
  throw new DataError(
    `Shards of different generations lie together: ${shards.map(({ path }) => basename(path)).join(", ")}.`,
    { hint: "Keep the shards of one generation (all -of-N with the same N)." },
  );
}

/** Where the names do not say how many there are, the last one that is there does. */
function requireWhole(generation: readonly Shard[]): void {
  const [first] = generation;
  const there = new Set(generation.flatMap(({ number }) => (number === undefined ? [] : [number])));
  if (first === undefined || there.size === 0) return;
  const start = first.count === undefined ? Math.min(...there) : 0;
  const end = first.count ?? Math.max(...there) + 1;
  const missing: string[] = [];
  for (let number = start; number < end && missing.length < SHOWN; number += 1) {
    if (!there.has(number)) missing.push(first.named(number));
  }
  if (missing.length === 0) return;
  const more = end - start - there.size - missing.length;
  throw new DataError(
    `${dirname(first.path)} lacks ${missing.join(", ")}${more > 0 ? ` and ${more} more shards` : ""}.`,
    {
      hint: "Fetch what is missing. To use only the files that are there, give them names without the -of-N.",
    },
  );
}
