/** How judges are reached and asked: sections that every reward with a judge has, and `earl judge` as well. */

import { join } from "node:path";
import { z } from "zod";
import { path, seconds, times } from "../config/ranges.ts";
import { ENVIRONMENT_NAME, userCacheFolder } from "../config/env.ts";

/** Why an address is refused; undefined where it is fine. Secrets in one would end up in manifests and messages. */
function addressFault(text: string): string | undefined {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return "must be an address such as http://localhost:8000/v1";
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return "must begin with http:// or https://";
  if (url.username !== "" || url.password !== "") {
    return "must not hold a user or a password; put the key into an environment variable and name it in keyVariable";
  }
  if (url.search !== "" || url.hash !== "") return "must end before ? and #";
  return undefined;
}

const address = z.string().superRefine((text, context) => {
  const message = addressFault(text);
  if (message !== undefined) context.addIssue({ code: "custom", message, input: text });
});

/** Name of the variable with the key, unless an endpoint names another one. */
export const KEY_VARIABLE = "EARL_JUDGE_API_KEY";

export const EndpointSettings = z.strictObject({
  url: address.describe("Address of the server, for chat models with its /v1: http://localhost:8000/v1."),
  keyVariable: z
    .string()
    .regex(ENVIRONMENT_NAME)
    .default(KEY_VARIABLE)
    .describe("Environment variable that holds the key. Without one no key is sent."),
  concurrency: z.int().min(1).max(10_000).default(32).describe("Requests that may be on their way at once."),
  requestsPerMinute: z
    .int()
    .min(1)
    .max(1e9)
    .optional()
    .describe("Requests within any minute; unlimited unless set."),
  tokensPerMinute: z
    .int()
    .min(1)
    .max(1e12)
    .optional()
    .describe("Tokens within any minute, input and output; unlimited unless set."),
});
export type EndpointSettings = z.infer<typeof EndpointSettings>;

/** How a server is reached, whatever it speaks. */
export const serverSettings = {
  endpoints: z
    .array(EndpointSettings)
    .min(1)
    .describe("Servers of the same model; the least loaded one is asked."),
  callSeconds: seconds.default(120).describe("Deadline of one request."),
  totalSeconds: seconds
    .default(600)
    .describe("Deadline of one question with all its retries, and the longest that nobody may be answered."),
  retries: times(0)
    .default(4)
    .describe("Times a request is sent again after a connection fault, a time-out, 408, 429 or 5xx."),
  reasks: times(0).default(2).describe("Times a question is asked again after a reply that cannot be read."),
};
export const ServerSettings = z.strictObject(serverSettings);
export type ServerSettings = z.infer<typeof ServerSettings>;

/** How a vision-language model is asked. */
export const modelSettings = {
  model: z.string().min(1).describe("Name of the model, as its server knows it."),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .default(0)
    .describe("Sampling temperature; what could not be read is asked again at 0.7 or above."),
  maxTokens: z
    .int()
    .min(1)
    .max(2 ** 20)
    .default(1024)
    .describe("Most tokens of a reply; a longer one counts as failed."),
  structured: z
    .boolean()
    .default(true)
    .describe("Ask servers to hold replies to a JSON schema; those that cannot are asked plainly."),
  leastSide: z
    .int()
    .min(1)
    .max(8192)
    .default(32)
    .describe("Least side of a picture in pixels; smaller ones are enlarged by a whole factor."),
  mostPixels: z
    .int()
    .min(1024)
    .max(2 ** 28)
    .default(1_048_576)
    .describe("Most pixels of a picture; larger ones are reduced."),
};
export const ModelSettings = z.strictObject(modelSettings);
export type ModelSettings = z.infer<typeof ModelSettings>;

const BYTES_A_MEGABYTE = 1_000_000;

/** Where answers are kept. */
export const CacheSettings = z.strictObject({
  isUsed: z.boolean().default(true).describe("Keep answers, and do not ask again what was answered."),
  directory: path
    .optional()
    .describe("Folder of the answers, on a local disk; a folder of the user's cache unless given."),
  maxMegabytes: z
    .int()
    .min(1)
    .max(1e9)
    .default(1000)
    .describe("Most that is kept; what was not used for long goes."),
});
export type CacheSettings = z.infer<typeof CacheSettings>;

/** The folder that is meant, and how much it may hold. */
export function storePlace({ directory, maxMegabytes }: CacheSettings): {
  directory: string;
  mostBytes: number;
} {
  return {
    directory: directory ?? join(userCacheFolder(), "earl", "judge"),
    mostBytes: maxMegabytes * BYTES_A_MEGABYTE,
  };
}

const price = z.number().min(0).max(1e9).default(0);

/** Everything that a reward with a vision-language model may say about it. */
export const judgeSettings = {
  ...modelSettings,
  ...serverSettings,
  cache: CacheSettings.prefault({}).describe("Where answers are kept."),
  prices: z
    .strictObject({
      input: price.describe("Price of a million input tokens."),
      output: price.describe("Price of a million output tokens."),
    })
    .prefault({})
    .describe("What the model costs, in any currency, for the metric judge/cost."),
};
export const JudgeSettings = z.strictObject(judgeSettings);
export type JudgeSettings = z.infer<typeof JudgeSettings>;
