/**
 * Answers the questions of a reproducibility review about a paper: each is asked several times, and the class that most
 * answers agree on counts. A paper longer than one question may be is asked about part by part; where several parts have
 * something to say, their quotes together are what the question is then asked about.
 */

import { JudgeError } from "../errors.ts";
import type { ModelAnswer } from "../judge/answer-memory.ts";
import type { JudgeModel } from "../judge/judge-model.ts";
import { openJudgeModel, type JudgeContext } from "../judge/open-judge.ts";
import type { ClassifySettings } from "./classify-settings.ts";
import { partsOf, type Paper } from "./paper.ts";
import type { PaperAnswer } from "./paper-review.ts";
import { QUESTIONS, type ReviewQuestion } from "./questions.ts";
import { replySchema, reviewPrompt, type Shown } from "./review-prompt.ts";
import { reviewReader, type Vote } from "./review-reader.ts";

/** Parts are not made smaller than this: a context that holds less cannot hold the question. */
const LEAST_CHARACTERS = 1000;
/** How servers say that a question is too long for their model. */
const TOO_LONG =
  /context.?(?:length|size|window)|(?:maximum|max)[ _](?:model|input|prompt|context|total)|prompt is too long|too many (?:input )?tokens|must be <=|reduce the length/i;

export interface Reviewed {
  readonly parts: number;
  readonly answers: readonly PaperAnswer[];
}

/** Questions and how often each is asked. */
export function askedOf({ repeats }: Pick<ClassifySettings, "repeats">): number {
  return QUESTIONS.length * repeats;
}

export class PaperReviewer implements AsyncDisposable {
  readonly #model: JudgeModel;
  readonly #settings: ClassifySettings;
  /** Characters of a part: as set, or what the server turned out to take. */
  #most: number;

  private constructor(model: JudgeModel, settings: ClassifySettings) {
    this.#model = model;
    this.#settings = settings;
    this.#most = settings.mostCharacters;
  }

  /** Throws ConfigError where the store of answers cannot be opened; servers are asked later. */
  static async open(settings: ClassifySettings, context: JudgeContext = {}): Promise<PaperReviewer> {
    return new PaperReviewer(await openJudgeModel(settings, context), settings);
  }

  /**
   * Answers to all questions, in their order. `onAnswer` is told each time that one is answered or failed once more.
   * Rejects when the signal aborts, and with JudgeError where not even small parts fit the model.
   */
  async review(
    paper: Paper,
    { signal, onAnswer }: { readonly signal: AbortSignal; readonly onAnswer: (done: number) => void },
  ): Promise<Reviewed> {
    for (;;) {
      const most = this.#most;
      const parts = partsOf(paper.text, most);
      const answers = await this.#answers(paper, parts, { signal, onAnswer });
      if (answers !== "too long") return { parts: parts.length, answers };
      // Another paper may have found that out meanwhile.
      this.#most = Math.min(this.#most, Math.floor(Math.min(most, paper.text.length) / 2));
      if (this.#most < LEAST_CHARACTERS) {
        throw new JudgeError(`The context of ${this.#settings.model} is too small for a page of a paper.`, {
          hint: "Serve it with a longer one, or ask another model.",
        });
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#model[Symbol.asyncDispose]();
  }

  async #answers(
    paper: Paper,
    parts: readonly string[],
    { signal, onAnswer }: { readonly signal: AbortSignal; readonly onAnswer: (done: number) => void },
  ): Promise<readonly PaperAnswer[] | "too long"> {
    const { repeats } = this.#settings;
    let done = 0;
    const ask = async (question: ReviewQuestion, repeat: number): Promise<ModelAnswer<Vote>> => {
      const vote = await this.#vote(paper, parts, { question, repeat, signal });
      if (!isTooLong(vote)) onAnswer((done += 1));
      return vote;
    };
    // The first one alone: it shows whether the parts fit, and a server that keeps what it read has read them then.
    const first = await ask(QUESTIONS[0], 0);
    if (isTooLong(first)) return "too long";
    const votes = await Promise.all(
      QUESTIONS.map(async (question) =>
        Promise.all(
          Array.from({ length: repeats }, async (_, repeat) =>
            question === QUESTIONS[0] && repeat === 0 ? first : ask(question, repeat),
          ),
        ),
      ),
    );
    if (votes.flat().some(isTooLong)) return "too long";
    return QUESTIONS.map((question, index) => answerOf(paper, question, votes[index]!));
  }

  /** One answer about the whole paper. */
  async #vote(
    paper: Paper,
    parts: readonly string[],
    asking: { readonly question: ReviewQuestion; readonly repeat: number; readonly signal: AbortSignal },
  ): Promise<ModelAnswer<Vote>> {
    const { question } = asking;
    if (parts.length === 1) return this.#ask(paper, { kind: "whole", text: paper.text }, asking);
    const found = await Promise.all(
      parts.map(async (text, index) =>
        this.#ask(paper, { kind: "part", text, part: index + 1, of: parts.length }, asking),
      ),
    );
    const failed = found.find(({ kind }) => kind !== "answered");
    if (failed !== undefined) return failed;
    const votes = found.flatMap((one) => (one.kind === "answered" ? [one] : []));
    const telling = votes.filter(({ answer }) => answer.class !== question.absent);
    // Parts overlap, so that two may quote the same.
    const passages = [...new Set(telling.map(({ answer }) => answer.quote))];
    if (passages.length < 2) return telling[0] ?? votes[0]!;
    return this.#ask(paper, { kind: "passages", passages }, asking);
  }

  async #ask(
    { quotable }: Paper,
    shown: Shown,
    {
      question,
      repeat,
      signal,
    }: { readonly question: ReviewQuestion; readonly repeat: number; readonly signal: AbortSignal },
  ): Promise<ModelAnswer<Vote>> {
    const text = reviewPrompt(shown, question);
    return this.#model.ask(
      question.id,
      { text, pictures: [], schema: replySchema(question), repeat },
      reviewReader(question, quotable),
      signal,
    );
  }
}

function isTooLong(asked: ModelAnswer<Vote>): boolean {
  return asked.kind === "unreachable" && /HTTP 4\d\d/.test(asked.reason) && TOO_LONG.test(asked.reason);
}

/** What most answers agree on; where two classes are level, the one that claims less. */
function answerOf(
  { quotable }: Paper,
  { id, classes }: ReviewQuestion,
  asked: readonly ModelAnswer<Vote>[],
): PaperAnswer {
  const votes = asked.flatMap((one) => (one.kind === "answered" ? [one.answer] : []));
  const failed = asked.length - votes.length;
  const [failure] = asked.flatMap((one) => (one.kind === "answered" ? [] : [`${one.kind}: ${one.reason}`]));
  const [first] = votes;
  if (first === undefined) return { question: id, failed, fault: failure ?? "it was not asked" };
  const counts = classes.map(({ name }) => votes.filter((vote) => vote.class === name).length);
  const winner = classes[counts.lastIndexOf(Math.max(...counts))]!.name;
  const { quote, reason } = votes.find((vote) => vote.class === winner) ?? first;
  const found = quote === "" ? undefined : quotable.find(quote);
  return {
    question: id,
    class: winner,
    ...(found !== undefined && typeof found !== "string" && { quote: found.text, line: found.line }),
    reason,
    confidence: Math.max(...counts) / votes.length,
    votes: Object.fromEntries(
      classes.map(({ name }, index) => [name, counts[index]!] as const).filter(([, count]) => count > 0),
    ),
    failed,
  };
}
