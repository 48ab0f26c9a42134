/** A chat model at servers for tests, in a hurry. */

import { NO_USAGE, type Outcome } from "../../src/judge/attempt.ts";
import type { ChatQuestion } from "../../src/judge/chat-body.ts";
import { ChatModel } from "../../src/judge/chat-model.ts";
import { ModelSettings, ServerSettings } from "../../src/judge/judge-settings.ts";
import type { Asked } from "../../src/judge/pursuit.ts";
import type { ChatReply } from "../../src/judge/read-chat-reply.ts";
import { Rng } from "../../src/random.ts";
import type { Behaviour } from "./behaviour.ts";
import { JudgeServer } from "./judge-server.ts";
import { quickTimers } from "./quick-timers.ts";

/** Hundred times as fast: waits of seconds take hundredths. */
const surroundings = { timers: quickTimers(100), rng: Rng.from(1, "test") };
export const never = new AbortController().signal;
export const QUESTION: ChatQuestion = { text: "How good is it?", pictures: [], maxTokens: 100, repeat: 0 };

export interface Overrides {
  readonly model?: Record<string, unknown>;
  readonly server?: Record<string, unknown>;
  readonly endpoint?: Record<string, unknown>;
}

export function openModel(
  servers: readonly JudgeServer[],
  { model, server, endpoint }: Overrides = {},
): ChatModel {
  const endpoints = servers.map(({ url }) => ({ url, ...endpoint }));
  return new ChatModel(
    {
      ...ModelSettings.parse({ model: "judge", ...model }),
      // A hundredth of these on the wall.
      ...ServerSettings.parse({ endpoints, callSeconds: 100, totalSeconds: 1000, ...server }),
    },
    surroundings,
  );
}

export const take = ({ text }: ChatReply): Outcome<string> => ({
  status: "answered",
  answer: text,
  usage: NO_USAGE,
});

/** Asks one question of a server that behaves so, one behaviour a request, the last one for all that follow. */
export async function ask(
  behaviours: readonly Behaviour[],
  overrides: Overrides & { readonly question?: Partial<ChatQuestion> } = {},
): Promise<{ readonly asked: Asked<string>; readonly server: JudgeServer }> {
  await using server = await JudgeServer.start(
    ({ index }) => behaviours[Math.min(index, behaviours.length - 1)]!,
    {
      isRemembering: true,
      models: ["judge", "other"],
    },
  );
  await using model = openModel([server], overrides);
  return { asked: await model.ask({ ...QUESTION, ...overrides.question }, take, never), server };
}
