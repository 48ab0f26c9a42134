/** `earl judge check`: is this server a judge? Each trial says what it found and, where it failed, what to do about it. */

import pc from "picocolors";
import { generateScenes } from "../data/scenes/generate.ts";
import { renderScene } from "../data/scenes/render.ts";
import { Interrupted, JudgeError } from "../errors.ts";
import type { Picture } from "../images/picture.ts";
import { picture } from "../images/picture.ts";
import { tallyCalls } from "../judge/call-tally.ts";
import type { Scoring } from "../judge/checklist.ts";
import type { JudgeCall } from "../judge/judge-call.ts";
import { givesProbabilities, plainAnswer } from "../judge/plain-answer.ts";
import { enlargedBy } from "../judge/sent-picture.ts";
import type { JudgeVerdict } from "../judge/verdict.ts";
import { VieScoreJudge, type VieScoreSettings } from "../judge/viescore-judge.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { judgeSettings, type JudgeFlags } from "./judge-flags.ts";
import { tallyLines } from "./judge-tally.ts";
import type { Surroundings } from "./surroundings.ts";

interface Finding {
  readonly name: string;
  readonly isFine: boolean;
  readonly found: string;
  /** Where it is not. */
  readonly remedy?: string;
}

/** Scenes are drawn small; a judge is to see them. */
const ENLARGEMENT = 8;
const COLOURS = { red: [220, 30, 30], green: [30, 160, 40], blue: [30, 60, 220] } as const;
const SIDE = 128;
/** Share of the pairs that a judge must order rightly: four of six. */
const LEAST_RIGHT = 4 / 6;

export async function checkJudge(flags: JudgeFlags, surroundings: Surroundings): Promise<void> {
  const stopped = new Interrupted("Stopped.", "Start again with the same command.");
  using interrupt = listenForInterrupt(surroundings, { says: "Stopping.", reason: stopped });
  const { signal } = interrupt;
  const { stdout, stderr } = surroundings;
  const settings = await judgeSettings(flags, signal);
  const calls: JudgeCall[] = [];
  // Answers that were kept would say nothing about the server as it is now.
  const cache = { ...settings.cache, isUsed: false };
  await using judge = await VieScoreJudge.open(
    { ...settings, cache },
    { onCall: (call) => calls.push(call) },
  );
  const findings: Finding[] = [];
  for await (const finding of trials(judge, settings, signal)) {
    findings.push(finding);
    stdout.write(`${lineOf(finding)}\n`);
  }
  for (const line of tallyLines(tallyCalls(calls, settings.prices))) stderr.write(`${line}\n`);
  const failed = findings.filter(({ isFine }) => !isFine);
  if (failed.length === 0) return;
  throw new JudgeError(
    `${settings.model} is no judge as it is: ${failed.map(({ name }) => name).join(", ")}.`,
    {
      hint: failed.map(({ remedy }) => remedy).join("\n"),
    },
  );
}

/** One after the other, as far as trying makes sense: what cannot be reached, or is blind, is no further tried. */
async function* trials(
  judge: VieScoreJudge,
  { model, scoring }: VieScoreSettings,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const known = await knowsModel(judge, model, signal);
  yield known;
  if (!known.isFine) return;
  const seeing = await seesPictures(judge, signal);
  yield seeing;
  if (!seeing.isFine) return;
  yield await tellsProbabilities(judge, scoring, signal);
  const tried = await tryScenes(judge, signal);
  yield keepsFormat(tried);
  yield tellsApart(tried);
}

async function tellsProbabilities(
  judge: VieScoreJudge,
  scoring: Scoring,
  signal: AbortSignal,
): Promise<Finding> {
  const name = "tells probabilities";
  const isFine = await givesProbabilities(judge.model, signal);
  if (isFine) return { name, isFine, found: "scoring: expected and checklist work" };
  const remedy = `scoring: ${scoring} needs them: use scoring: text, or a server that gives log-probabilities.`;
  return { name, isFine: scoring === "text", found: "no; scoring: text works without", remedy };
}

function lineOf({ name, isFine, found }: Finding): string {
  return `${isFine ? pc.green("✓") : pc.red("✗")} ${name.padEnd(22)} ${found}`;
}

async function knowsModel(judge: VieScoreJudge, model: string, signal: AbortSignal): Promise<Finding> {
  const name = "is there";
  for (const [url, models = []] of await judge.model.models(signal)) {
    // Some list none of those that they have: transformers' serve leaves out a model that lies in a folder.
    if (models.length === 0 || models.includes(model)) continue;
    const remedy = `Name one of its models: ${models.join(", ")}.`;
    return { name, isFine: false, found: `${url} does not know "${model}"`, remedy };
  }
  const asked = await plainAnswer(judge.model, { text: "Say yes.", pictures: [] }, signal);
  if (asked.kind !== "unreachable") return { name, isFine: true, found: `${model} answers` };
  const remedy =
    "Start the server, and check its address, which ends in /v1, and the key in its environment variable.";
  return { name, isFine: false, found: asked.reason, remedy };
}

async function seesPictures(judge: VieScoreJudge, signal: AbortSignal): Promise<Finding> {
  const name = "sees pictures";
  const text = "Which colour is this picture? Answer with one word: red, green or blue.";
  const answers: string[] = [];
  for (const [colour, channels] of Object.entries(COLOURS)) {
    const asked = await plainAnswer(judge.model, { text, pictures: [flat(channels)] }, signal);
    if (asked.kind !== "answered") {
      const remedy =
        asked.kind === "unreachable"
          ? "Serve a vision-language model, and let it take two pictures a request (vLLM: --limit-mm-per-prompt)."
          : "Such a question takes a word. Give the model more maxTokens if it thinks first; else choose another one.";
      return { name, isFine: false, found: asked.reason, remedy };
    }
    const words = asked.answer.toLowerCase();
    const named = Object.keys(COLOURS).filter((one) => words.includes(one));
    if (named.length !== 1 || named[0] !== colour) {
      answers.push(`${colour} is ${JSON.stringify(asked.answer.trim().slice(0, 60))}`);
    }
  }
  const remedy =
    "The model takes pictures and does not see them; choose another one, or look at its chat template.";
  if (answers.length > 0) return { name, isFine: false, found: answers.join(", "), remedy };
  return { name, isFine: true, found: "names red, green and blue" };
}

/** Verdicts on the right edit of an example, and on none at all. */
interface Tried {
  readonly good: JudgeVerdict;
  readonly unedited: JudgeVerdict;
}

async function tryScenes(judge: VieScoreJudge, signal: AbortSignal): Promise<Tried[]> {
  const kinds = ["recolour", "add", "remove", "replace", "background", "recolour"] as const;
  const scenes = generateScenes({
    seed: 1,
    split: "test",
    count: kinds.length,
    imperfect: 0,
    cells: 4,
    kinds,
    phrasing: "plain",
  });
  return Promise.all(
    [...scenes].map(async (example) => {
      const source = enlargedBy(renderScene(example.source), ENLARGEMENT);
      const target = enlargedBy(renderScene(example.target), ENLARGEMENT);
      const score = (edited: Picture): Promise<JudgeVerdict> =>
        judge.score({ instruction: example.instruction, source, edited }, signal);
      const [good, unedited] = await Promise.all([score(target), score(source)]);
      return { good, unedited };
    }),
  );
}

function keepsFormat(tried: readonly Tried[]): Finding {
  const name = "keeps to the format";
  const verdicts = tried.flatMap(({ good, unedited }) => [good, unedited]);
  const failed = verdicts.flatMap((verdict) => (verdict.kind === "scored" ? [] : [verdict]));
  const [first] = failed;
  if (first === undefined)
    return { name, isFine: true, found: `${verdicts.length} of ${verdicts.length} verdicts` };
  return {
    name,
    isFine: false,
    found: `${verdicts.length - failed.length} of ${verdicts.length} verdicts; first fault, ${first.kind}: ${first.reason}`,
    remedy:
      first.kind === "unparsable"
        ? "Take a larger model, give it more maxTokens, or a server that holds replies to a schema (structured)."
        : "The fault says what the server lacks.",
  };
}

function tellsApart(tried: readonly Tried[]): Finding {
  const name = "tells good from bad";
  const pairs = tried.flatMap(({ good, unedited }) =>
    good.kind === "scored" && unedited.kind === "scored"
      ? [{ good: good.score, unedited: unedited.score }]
      : [],
  );
  const right = pairs.filter(({ good, unedited }) => good > unedited).length;
  const found = `${right} of ${tried.length} edits above no edit at all: ${pairs.map(({ good, unedited }) => `${good.toFixed(1)} / ${unedited.toFixed(1)}`).join(", ")}`;
  if (right >= LEAST_RIGHT * tried.length) return { name, isFine: true, found };
  const remedy =
    "Its verdicts would teach nothing: take a larger model, or scoring: expected, which sees smaller differences.";
  return { name, isFine: false, found, remedy };
}

function flat([red, green, blue]: readonly [number, number, number]): Picture {
  const pixels = new Uint8Array(SIDE * SIDE * 3);
  for (let pixel = 0; pixel < SIDE * SIDE; pixel += 1) pixels.set([red, green, blue], 3 * pixel);
  return picture(SIDE, SIDE, pixels);
}
