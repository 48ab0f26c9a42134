/** From settings to a judge's model that can be asked. */

import { Rng } from "../random.ts";
import { AnswerMemory } from "./answer-memory.ts";
import { AnswerStore } from "./answer-store.ts";
import { ChatModel } from "./chat-model.ts";
import type { CallListener } from "./judge-call.ts";
import { JudgeModel } from "./judge-model.ts";
import { storePlace, type CacheSettings, type JudgeSettings } from "./judge-settings.ts";
import type { OutageListener } from "./outage.ts";
import type { ServerDirectory } from "./server-directory.ts";
import type { Surroundings } from "./servers.ts";
import { systemTimers, type Timers } from "./timers.ts";

export interface JudgeContext {
  readonly onCall?: CallListener;
  readonly timers?: Timers;
  /** Servers that other judges ask as well. */
  readonly directory?: ServerDirectory;
  /** Told when servers answer nobody any more. */
  readonly onOutage?: OutageListener;
}

/** Whoever opens it closes it. Throws ConfigError where the store cannot be opened; servers are asked later. */
export async function openJudgeModel(
  settings: JudgeSettings,
  context: JudgeContext = {},
): Promise<JudgeModel> {
  const chat = new ChatModel(settings, judgeSurroundings(context));
  return new JudgeModel(chat, settings, await openMemory(settings.cache, context));
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
export function judgeSurroundings({
  timers = systemTimers,
  directory,
  onOutage,
}: JudgeContext): Surroundings {
  return {
    timers,
    rng: Rng.from(process.pid, "judge", timers.now()),
    ...(directory !== undefined && { directory }),
    ...(onOutage !== undefined && { onOutage }),
  };
}
