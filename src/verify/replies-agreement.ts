/** Replies that a judge may give, against the verdicts that they must lead to: a score taken from a reply that gives none would be trained on. */

import { z } from "zod";
import { parseScores } from "../judge/parse-scores.ts";
import { compareEqual, compareNumbers, type Comparison } from "./comparison.ts";
import { readRecordedJson } from "./recorded-json.ts";

export const RepliesRecording = z
  .array(
    z.looseObject({
      reply: z.string(),
      verdict: z.enum(["scored", "unparsable"]),
      scores: z.array(z.number()).optional(),
    }),
  )
  .min(1);

/** Every reply's verdict, and where it is scored its two scores. */
export async function* compareReplies(file: string): AsyncGenerator<Comparison, string[]> {
  for (const [index, { reply, verdict, scores }] of (
    await readRecordedJson(file, RepliesRecording)
  ).entries()) {
    const parsed = parseScores(reply);
    const part = `reply ${index}: ${excerpt(reply)}`;
    yield compareEqual("verdicts", { got: parsed.kind, want: verdict }, part);
    if (scores === undefined) continue;
    const got = parsed.kind === "scored" ? parsed.scores : [];
    yield compareNumbers(
      "scores",
      { got, want: scores },
      { tolerance: { kind: "absolute", limit: 0 }, part },
    );
  }
  return [];
}

function excerpt(reply: string): string {
  const text = JSON.stringify(reply);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
