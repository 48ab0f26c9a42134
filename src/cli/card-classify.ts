/** `earl card classify PAPER…`: the questions of a reproducibility review, answered by a model from a paper's text. */

import { extname } from "node:path";

import { eachAtOnce } from "../each-at-once.ts";
import { classifyFaults, ClassifySettings } from "../card/classify-settings.ts";
import { readPaper, type Paper } from "../card/paper.ts";
import { reviewMarkdown, type PaperReview, type ReviewFile } from "../card/paper-review.ts";
import { askedOf, PaperReviewer } from "../card/paper-reviewer.ts";
import { promptHash } from "../card/review-prompt.ts";
import { DataError, Interrupted, JudgeError } from "../errors.ts";
import { tallyCalls } from "../judge/call-tally.ts";
import type { JudgeCall } from "../judge/judge-call.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { requireWritableFile } from "../runs/writable-place.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { judgeDeclaration, settingsOf, type JudgeFlags } from "./judge-flags.ts";
import { guardAgainstOutage } from "./judge-outage.ts";
import { tallyLines } from "./judge-tally.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";
import { plural } from "../report/format.ts";

export interface ClassifyFlags extends JudgeFlags {
  readonly out?: string;
  readonly json?: true;
  readonly repeats?: number;
}

const CLASSIFY = {
  ...judgeDeclaration<ClassifySettings>("Papers", ClassifySettings),
  crossFaults: classifyFaults,
};
/** Papers at once: each asks dozens of questions, and the servers' limits hold in any case. */
const PAPERS_AT_ONCE = 4;
const KEPT = "Answers are kept: the same command asks for the others alone.";

export async function classifyPapers(
  paths: readonly string[],
  flags: ClassifyFlags,
  surroundings: Surroundings,
): Promise<void> {
  const { out } = flags;
  const isJson = formatOf(flags) === "json";
  if (out !== undefined) requireWritableFile(out);
  const papers = paths.map((path) => ({ path, paper: readPaper(path) }));
  refuseTwins(papers);
  const stopped = new Interrupted("Stopped.", KEPT);
  using interrupt = listenForInterrupt(surroundings, { says: "Stopping.", reason: stopped });
  const repeats = flags.repeats === undefined ? [] : [`repeats=${flags.repeats}`];
  const settings = await settingsOf(
    CLASSIFY,
    { ...flags, set: [...repeats, ...flags.set] },
    interrupt.signal,
  );

  const calls: JudgeCall[] = [];
  const progress = progressOn(surroundings);
  using guard = guardAgainstOutage(settings, {
    say: (line) => progress.say(line),
    signal: interrupt.signal,
    hint: `See what the server says. ${KEPT}`,
  });
  const { onOutage, signal } = guard;
  await using reviewer = await PaperReviewer.open(settings, { onCall: (call) => calls.push(call), onOutage });
  progress.start("Questions", papers.length * askedOf(settings));
  const done = new Map<string, number>();
  const reviews = new Map<string, PaperReview>();
  await eachAtOnce(papers, PAPERS_AT_ONCE, async ({ path, paper }) => {
    const { parts, answers } = await reviewer.review(paper, {
      signal,
      onAnswer: (count) => {
        done.set(path, count);
        progress.advance([...done.values()].reduce((sum, one) => sum + one, 0));
      },
    });
    const { id, sha256, text } = paper;
    reviews.set(path, {
      paper: id,
      file: path,
      sha256,
      characters: text.length,
      parts,
      answers: [...answers],
    });
  });
  const file: ReviewFile = {
    model: settings.model,
    temperature: settings.temperature,
    repeats: settings.repeats,
    prompts: promptHash(),
    papers: paths.map((path) => reviews.get(path)!),
  };
  const text = isJson ? `${JSON.stringify(file, null, 2)}\n` : reviewMarkdown(file);
  if (out === undefined) surroundings.stdout.write(text);
  else writeFileAtomically(out, text);
  progress.finish(
    `${plural(papers.length, "paper")}, ${askedOf(settings)} answers each${out === undefined ? "" : `: ${out}`}`,
  );
  for (const line of tallyLines(tallyCalls(calls, settings.prices))) surroundings.stderr.write(`${line}\n`);
  refuseFailures(file);
}

/** What the file's name or the flag says. Throws DataError where they contradict each other. */
function formatOf({ out, json }: ClassifyFlags): "json" | "markdown" {
  if (out === undefined) return json === true ? "json" : "markdown";
  const ending = extname(out).toLowerCase();
  if (ending === ".json") return "json";
  if (ending === ".md") return json === true ? "json" : "markdown";
  throw new DataError(`${out} ends in neither .json nor .md.`, {
    hint: "The name's end says what is written.",
  });
}

/** Labels tell papers apart by their files' names. */
function refuseTwins(papers: readonly { readonly path: string; readonly paper: Paper }[]): void {
  const byId = new Map<string, string>();
  for (const { path, paper } of papers) {
    const twin = byId.get(paper.id);
    if (twin !== undefined) {
      throw new DataError(`Two papers are called ${paper.id}: ${twin} and ${path}.`, {
        hint: "A paper is known by its file's name: give each one of its own.",
      });
    }
    byId.set(paper.id, path);
  }
}

/** What nobody answered must not go unnoticed. */
function refuseFailures({ papers }: ReviewFile): void {
  const open = papers.flatMap(({ paper, answers }) =>
    answers.flatMap((answer) => (answer.failed === 0 ? [] : [{ paper, answer }])),
  );
  const [first] = open;
  if (first === undefined) return;
  const { paper, answer } = first;
  const asked = open.reduce((sum, one) => sum + one.answer.failed, 0);
  const why = "fault" in answer ? `: ${answer.fault}` : "";
  throw new JudgeError(
    `${asked} answers are missing, in ${open.length} questions. First: ${paper}, ${answer.question}${why}`,
    { hint: KEPT },
  );
}
