/**
 * VIEScore (Ku et al. 2024): SC says how well an edit follows its instruction and leaves the rest alone, PQ how well
 * the picture is made, each the lesser of two scores from 0 to 10; overall O = √(SC · PQ).
 */

import { z } from "zod";
import { mean } from "../algorithms/statistics.ts";
import type { Picture } from "../images/picture.ts";
import type { ModelAnswer } from "./answer-memory.ts";
import type { Outcome } from "./attempt.ts";
import { checklistPrompt, yesProbability, type Scoring } from "./checklist.ts";
import type { AnswerReader, JudgeModel } from "./judge-model.ts";
import { MAX_SCORE, type VieScorePrompts } from "./prompts.ts";
import type { ChatReply } from "./read-chat-reply.ts";
import { ALTERNATIVES, answered, scoreReader, withoutProbabilities } from "./score-readers.ts";
import type { FailedVerdict, JudgeVerdict } from "./verdict.ts";

/** What VIEScore looks at. */
export interface JudgedPictures {
  readonly instruction: string;
  readonly source: Picture;
  readonly edited: Picture;
}

export interface VieScoreOptions {
  readonly scoring: Scoring;
  readonly prompts: VieScorePrompts;
  /** Of the checklist. */
  readonly questions: readonly string[];
  /** Tells the answers to one question apart, from 0. */
  readonly repeat: number;
}

const Yes = z.object({ yes: z.number().min(0).max(1) });
const YES: AnswerReader<z.infer<typeof Yes>> = { name: "yes", schema: Yes, read: readYes };

/** One verdict on an edit, from one answer to each question. Rejects only when the signal aborts. */
export async function vieScoreOnce(
  model: JudgeModel,
  pictures: JudgedPictures,
  options: VieScoreOptions,
  signal: AbortSignal,
): Promise<JudgeVerdict> {
  const score = options.scoring === "checklist" ? checklistOnce : rubricOnce;
  return score(model, pictures, options, signal);
}

async function rubricOnce(
  model: JudgeModel,
  { instruction, source, edited }: JudgedPictures,
  { scoring, prompts, repeat }: VieScoreOptions,
  signal: AbortSignal,
): Promise<JudgeVerdict> {
  const { reader, asking } = scoreReader(scoring === "expected" ? "expected" : "text");
  const base = { ...asking, repeat, ...(prompts.schema !== undefined && { schema: prompts.schema }) };
  const semantic = { ...base, text: prompts.semantic(instruction), pictures: [source, edited] };
  const quality = { ...base, text: prompts.quality, pictures: [edited] };
  const [first, second] = await Promise.all([
    model.ask("sc", semantic, reader, signal),
    model.ask("pq", quality, reader, signal),
  ]);
  if (first.kind !== "answered") return failed("SC", first);
  if (second.kind !== "answered") return failed("PQ", second);
  const [success, restraint] = first.answer.scores;
  const [naturalness, cleanness] = second.answer.scores;
  const sc = Math.min(success, restraint);
  const pq = Math.min(naturalness, cleanness);
  return {
    kind: "scored",
    score: Math.sqrt(sc * pq),
    subscores: { sc, pq, edit_success: success, overedit: restraint, naturalness, artifacts: cleanness },
    reasoning: `SC: ${first.answer.reasoning}\nPQ: ${second.answer.reasoning}`,
  };
}

async function checklistOnce(
  model: JudgeModel,
  { instruction, source, edited }: JudgedPictures,
  { questions, repeat }: VieScoreOptions,
  signal: AbortSignal,
): Promise<JudgeVerdict> {
  const answers = await Promise.all(
    questions.map((question, index) => {
      const text = checklistPrompt(instruction, question);
      const asked = { text, pictures: [source, edited], alternatives: ALTERNATIVES, repeat };
      return model.ask(`question_${index + 1}`, asked, YES, signal);
    }),
  );
  const subscores: Record<string, number> = {};
  for (const [index, answer] of answers.entries()) {
    if (answer.kind !== "answered") return failed(`question ${index + 1}`, answer);
    subscores[`question_${index + 1}`] = answer.answer.yes;
  }
  return { kind: "scored", score: MAX_SCORE * mean(Object.values(subscores)), subscores };
}

function failed(
  question: string,
  { kind, reason }: Exclude<ModelAnswer<unknown>, { kind: "answered" }>,
): FailedVerdict {
  return { kind, reason: `${question}: ${reason}` };
}

function readYes({ text, tokens }: ChatReply): Outcome<z.infer<typeof Yes>> {
  if (tokens === undefined) return withoutProbabilities("checklist");
  const yes = yesProbability(tokens);
  if (yes === undefined)
    return { status: "unparsable", reason: `neither yes nor no: ${JSON.stringify(text.slice(0, 160))}` };
  return answered({ yes });
}
