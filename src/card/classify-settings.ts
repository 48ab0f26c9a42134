/** Settings of the model that reads papers: those of a judge, and how often and in what portions it is asked. */

import { z } from "zod";

import type { CrossFault } from "../config/declaration.ts";
import { judgeSettings } from "../judge/judge-settings.ts";

export const ClassifySettings = z.strictObject({
  ...judgeSettings,
  temperature: judgeSettings.temperature.unwrap().default(0.7),
  repeats: z
    .int()
    .min(1)
    .max(101)
    .default(5)
    .describe("Times each question is asked; how many agree is the answer's confidence."),
  mostCharacters: z
    .int()
    .min(1000)
    .max(10_000_000)
    .default(100_000)
    .describe(
      "Most characters of a paper in one question; a longer one is shown in parts. Parts are halved for a server whose context is smaller.",
    ),
});
export type ClassifySettings = z.infer<typeof ClassifySettings>;

export function classifyFaults({ temperature, repeats }: ClassifySettings): CrossFault[] {
  return temperature === 0 && repeats > 1
    ? [
        {
          keys: ["repeats", "temperature"],
          message: "at temperature 0 every repeat says the same: ask once, or at a higher temperature",
        },
      ]
    : [];
}
