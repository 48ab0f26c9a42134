/**
 * What a judge said of pairs, as a file of one JSON object a line that grows while they are judged. A pair that has a
 * score there is not asked about again; one that failed is.
 */

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { DataError } from "../errors.ts";
import { writeFault, writeFileAtomically } from "../runs/atomic-write.ts";
import type { Pair } from "./pairs.ts";
import type { JudgeVerdict } from "./verdict.ts";

/** A pair whose pictures cannot be read is nobody's verdict. */
export type PairVerdict = JudgeVerdict | { readonly kind: "unreadable"; readonly reason: string };

const reason = z.string();
const PairScoreSchema = z.looseObject({
  line: z.int(),
  id: z.union([z.string(), z.number()]).optional(),
  task: z.string().optional(),
  source: z.string(),
  edited: z.string(),
  instruction: z.string(),
  /** Hash of the judge's settings: scores of another judge are not mixed with these. */
  judge: z.string(),
  verdict: z.discriminatedUnion("kind", [
    z.object({
      kind: z.literal("scored"),
      score: z.number(),
      subscores: z.record(z.string(), z.number()),
      reasoning: z.string().exactOptional(),
    }),
    z.object({ kind: z.enum(["unparsable", "unreachable", "unreadable"]), reason }),
  ]),
});
export type PairScore = z.infer<typeof PairScoreSchema>;

export class PairScores {
  readonly #path: string;
  readonly #judge: string;
  readonly #byKey: Map<string, PairScore>;

  private constructor(path: string, judge: string, byKey: Map<string, PairScore>) {
    this.#path = path;
    this.#judge = judge;
    this.#byKey = byKey;
  }

  /** Reads what is there. Throws DataError for a file that is something else, or holds another judge's scores. */
  static open(path: string, judge: string): PairScores {
    const byKey = new Map<string, PairScore>();
    if (!existsSync(path)) return new PairScores(path, judge, byKey);
    const text = readFileSync(path, "utf8");
    const lines = text.split("\n");
    for (const [index, line] of lines.entries()) {
      if (line.trim() === "") continue;
      const score = scoreOf(line);
      if (score === undefined) {
        // A process that was killed while it wrote leaves a line without an end.
        if (line.startsWith('{"line":') && index === lines.length - 1) continue;
        throw new DataError(`${path}:${index + 1} was not written by earl.`, {
          hint: "Choose another --out, or move it away; nothing of yours is replaced.",
        });
      }
      // What another judge failed at is no score, and nothing to be mixed with ours.
      if (score.judge !== judge && score.verdict.kind !== "scored") continue;
      if (score.judge !== judge) {
        throw new DataError(`${path} holds scores of a judge with other settings.`, {
          hint: "Choose another --out, so that the two can be compared.",
        });
      }
      byKey.set(keyOf(score), score);
    }
    if (!text.endsWith("\n") && text !== "") writeFileAtomically(path, linesOf([...byKey.values()]));
    return new PairScores(path, judge, byKey);
  }

  /** What is known of a pair, unless it failed. */
  scoreOf(pair: Pair): PairScore | undefined {
    const score = this.#byKey.get(keyOf(pair));
    return score?.verdict.kind === "scored" ? score : undefined;
  }

  /** Writes down what became of a pair. Throws DataError or EngineError where it cannot be written. */
  add(pair: Pair, verdict: PairVerdict): void {
    const { line, id, task, source, edited, instruction } = pair;
    const score: PairScore = {
      line,
      ...(id !== undefined && { id }),
      ...(task !== undefined && { task }),
      source,
      edited,
      instruction,
      judge: this.#judge,
      verdict: verdict.kind === "scored" ? { ...verdict, subscores: { ...verdict.subscores } } : verdict,
    };
    this.#byKey.set(keyOf(pair), score);
    try {
      appendFileSync(this.#path, linesOf([score]));
    } catch (error) {
      throw writeFault(error, this.#path);
    }
  }

  /** Puts the file into the order of the pairs, each once; returns their scores. */
  finish(pairs: readonly Pair[]): PairScore[] {
    const scores = pairs.flatMap((pair) => this.#byKey.get(keyOf(pair)) ?? []);
    writeFileAtomically(this.#path, linesOf(scores));
    return scores;
  }
}

function scoreOf(line: string): PairScore | undefined {
  try {
    return PairScoreSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function linesOf(scores: readonly PairScore[]): string {
  return scores.map((score) => `${JSON.stringify(score)}\n`).join("");
}

/** Two lines may ask for the same; they are two pairs. */
function keyOf({
  line,
  source,
  edited,
  instruction,
}: Pick<Pair, "line" | "source" | "edited" | "instruction">): string {
  return JSON.stringify([line, source, edited, instruction]);
}
