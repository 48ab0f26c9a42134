/** From settings to a judge's model that can be asked. */

import { Rng } from "../random.ts";
import { AnswerMemory } from "./answer-memory.ts";
import { AnswerStore } from "./answer-store.ts";
import { ChatModel } from "./chat-model.ts";
import type { CallListener } from "./judge-call.ts";
import { JudgeModel } from "./judge-model.ts";
import { storePlace, type CacheSettings, type JudgeSettings } from "./judge-settings.ts";
import type { Surroundings } from "./servers.ts";
import { systemTimers, type Timers } from "./timers.ts";

export interface JudgeContext {
  readonly onCall?: CallListener;
  readonly timers?: Timers;
}

/** Whoever opens it closes it. Throws ConfigError where the store cannot be opened; servers are asked later. */
export async function openJudgeModel(
  settings: JudgeSettings,
  context: JudgeContext = {},
): Promise<JudgeModel> {
  const memory = await openMemory(settings.cache, context);
  return new JudgeModel(new ChatModel(settings, judgeSurroundings(context)), settings, memory);
}

/** A memory on disk, or for the moment alone where the settings say so. */
export async function openMemory(
  cache: CacheSettings,
  { timers = systemTimers, onCall }: JudgeContext,
): Promise<AnswerMemory> {
  const { directory, mostBytes } = storePlace(cache);
  const store = cache.isUsed ? await AnswerStore.open(directory, mostBytes) : undefined;
  return new AnswerMemory({ store, timers, onCall });
}

/** Retries are spread by numbers of this process: two that start together must not retry together. */
export function judgeSurroundings({ timers = systemTimers }: JudgeContext): Surroundings {
  return { timers, rng: Rng.from(process.pid, "judge", timers.now()) };
}
