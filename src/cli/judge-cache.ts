/** `earl judge cache stats|clear`: answers of judges that are kept. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { formatBytes } from "../format.ts";
import { AnswerStore, STORE_FILE } from "../judge/answer-store.ts";
import { CacheSettings, storePlace } from "../judge/judge-settings.ts";
import type { Surroundings } from "./surroundings.ts";

export interface CacheFlags {
  readonly cache?: string;
}

export async function cacheStats({ cache }: CacheFlags, { stdout }: Surroundings): Promise<void> {
  const { directory, mostBytes } = placeOf(cache);
  const { entries, sizeBytes } = await figuresAt(directory, mostBytes);
  stdout.write(`${directory}: ${entries} answers, ${formatBytes(sizeBytes)}\n`);
}

export async function clearCache({ cache }: CacheFlags, { stdout }: Surroundings): Promise<void> {
  const { directory, mostBytes } = placeOf(cache);
  const { entries } = await figuresAt(directory, mostBytes);
  if (entries > 0) {
    using store = await AnswerStore.open(directory, mostBytes);
    store.clear();
  }
  stdout.write(`${directory}: ${entries} answers forgotten\n`);
}

/** Nothing is made where nothing is. */
async function figuresAt(
  directory: string,
  mostBytes: number,
): Promise<{ readonly entries: number; readonly sizeBytes: number }> {
  if (!existsSync(join(directory, STORE_FILE))) return { entries: 0, sizeBytes: 0 };
  using store = await AnswerStore.open(directory, mostBytes);
  return store.figures();
}

function placeOf(directory: string | undefined): ReturnType<typeof storePlace> {
  return storePlace(CacheSettings.parse({ ...(directory !== undefined && { directory }) }));
}
