/** How well answers about papers agree with labels: accuracy, Cohen's κ and the confusion of every question, and of all. */

import {
  cohensKappa,
  confusionOf,
  resampled,
  type ClassPair,
  type Confusion,
} from "../algorithms/agreement.ts";
import { wilsonInterval, type Interval } from "../algorithms/statistics.ts";
import { DataError } from "../errors.ts";
import { Rng } from "../random.ts";
import type { ClassList } from "./class-list.ts";
import { QUESTIONS } from "./questions.ts";

export interface QuestionAgreement {
  readonly question: string;
  /** Papers that both sides gave a class. */
  readonly papers: number;
  /** Labelled papers whose question was asked and not answered: in no figure. */
  readonly unanswered: number;
  readonly classes: readonly string[];
  /** Counts, [label][answer]. */
  readonly confusion: Confusion;
  /** Share of papers that agree; Wilson's interval. Absent without a paper. */
  readonly accuracy?: Interval;
  /** Bootstrap over papers. Absent where both sides know one class alone. */
  readonly kappa?: Interval;
}

export interface PaperAgreement {
  readonly questions: readonly QuestionAgreement[];
  /** Over all questions: pairs, the share that agree, and the mean of κ where there is one; bootstrap over papers. */
  readonly all: { readonly pairs: number; readonly papers: number; readonly unanswered: number } & {
    readonly accuracy: Interval;
    readonly kappa?: Interval;
  };
  /** The same by confidence: answers that all repeats agreed on, and the others. Absent where no model was asked. */
  readonly byConfidence?: {
    readonly unanimous: Share;
    readonly divided: Share;
  };
  /** Papers that only one side has. */
  readonly withoutLabel: readonly string[];
  readonly withoutAnswer: readonly string[];
}

export interface Share {
  readonly pairs: number;
  readonly accuracy?: Interval;
}

interface Compared {
  readonly paper: string;
  readonly question: number;
  readonly pair: ClassPair;
  readonly confidence: number | undefined;
}

/** Throws DataError where no question of any paper has both. The same lists give the same intervals. */
export function paperAgreement(answers: ClassList, labels: ClassList): PaperAgreement {
  const unanswered = QUESTIONS.map(() => 0);
  const compared: Compared[] = [];
  for (const [paper, labelled] of labels) {
    const answered = answers.get(paper);
    for (const [question, { id, classes }] of QUESTIONS.entries()) {
      const [label, answer] = [labelled.get(id), answered?.get(id)];
      if (label === undefined || answered?.has(id) !== true) continue;
      if (answer === undefined) {
        unanswered[question]! += 1;
        continue;
      }
      const place = (name: string): number => classes.findIndex((one) => one.name === name);
      const pair = [place(label.name), place(answer.name)] as const;
      compared.push({ paper, question, pair, confidence: answer.confidence });
    }
  }
  const withoutAnswer = [...labels.keys()].filter((paper) => !answers.has(paper));
  const withoutLabel = [...answers.keys()].filter((paper) => !labels.has(paper));
  if (compared.length === 0) throw nothingInCommon(withoutAnswer, withoutLabel);
  const byPaper = [...new Set(compared.map(({ paper }) => paper))].map((name) =>
    compared.filter(({ paper }) => paper === name),
  );
  const questions = QUESTIONS.map(({ id, classes }, question): QuestionAgreement => {
    const pairs = compared.filter((one) => one.question === question).map(({ pair }) => pair);
    const kappaOf = (drawn: readonly ClassPair[]): number | undefined =>
      cohensKappa(confusionOf(drawn, classes.length));
    const kappa = resampled(pairs, kappaOf, Rng.from(0, "agreement", id));
    return {
      question: id,
      papers: pairs.length,
      unanswered: unanswered[question]!,
      classes: classes.map(({ name }) => name),
      confusion: confusionOf(pairs, classes.length),
      ...(pairs.length > 0 && { accuracy: wilsonInterval(pairs.filter(agrees).length, pairs.length) }),
      ...(kappa && { kappa }),
    };
  });
  const rng = Rng.from(0, "agreement", "all");
  const kappa = resampled(byPaper, (papers) => meanKappa(papers.flat()), rng);
  const isModel = compared.some(({ confidence }) => confidence !== undefined);
  return {
    questions,
    all: {
      pairs: compared.length,
      papers: byPaper.length,
      unanswered: unanswered.reduce((sum, one) => sum + one, 0),
      accuracy: resampled(byPaper, (papers) => accuracyOf(papers.flat()), rng)!,
      ...(kappa && { kappa }),
    },
    ...(isModel && {
      byConfidence: {
        unanimous: shareOf(compared.filter(({ confidence }) => confidence === 1)),
        divided: shareOf(compared.filter(({ confidence }) => confidence !== undefined && confidence < 1)),
      },
    }),
    withoutLabel,
    withoutAnswer,
  };
}

function agrees([label, answer]: ClassPair): boolean {
  return label === answer;
}

function accuracyOf(compared: readonly Compared[]): number {
  return compared.filter(({ pair }) => agrees(pair)).length / compared.length;
}

function shareOf(compared: readonly Compared[]): Share {
  const pairs = compared.length;
  const agreed = compared.filter(({ pair }) => agrees(pair)).length;
  return { pairs, ...(pairs > 0 && { accuracy: wilsonInterval(agreed, pairs) }) };
}

/** Over the questions that have a κ. */
function meanKappa(compared: readonly Compared[]): number | undefined {
  const kappas = QUESTIONS.flatMap(({ classes }, question) => {
    const pairs = compared.filter((one) => one.question === question).map(({ pair }) => pair);
    return cohensKappa(confusionOf(pairs, classes.length)) ?? [];
  });
  return kappas.length === 0 ? undefined : kappas.reduce((sum, one) => sum + one, 0) / kappas.length;
}

function nothingInCommon(labelled: readonly string[], answered: readonly string[]): DataError {
  const named = (papers: readonly string[]): string =>
    papers.length === 0 ? "" : `, such as ${JSON.stringify(papers[0])}`;
  return labelled.length === 0 && answered.length === 0
    ? new DataError("No question has both an answer and a label.", {
        hint: "Label questions that were answered.",
      })
    : new DataError(
        `No paper has both answers and labels: ${answered.length} have answers alone${named(answered)}, and ${labelled.length} labels alone${named(labelled)}.`,
        { hint: "A paper is called by its file's name without its ending, in both files." },
      );
}
