/** `earl judge check`: is this server a judge? Each trial says what it found and, where it failed, what to do about it. */

import pc from "picocolors";
import { generateScenes } from "../data/scenes/generate.ts";
import { renderScene } from "../data/scenes/render.ts";
import { Interrupted, JudgeError } from "../errors.ts";
import type { Picture } from "../images/picture.ts";
import { picture } from "../images/picture.ts";
import { tallyCalls } from "../judge/call-tally.ts";
import type { JudgeCall } from "../judge/judge-call.ts";
import { givesProbabilities, plainAnswer } from "../judge/plain-answer.ts";
import { enlargedBy } from "../judge/sent-picture.ts";
import type { JudgeVerdict } from "../judge/verdict.ts";
import { VieScoreJudge, type VieScoreSettings } from "../judge/viescore-judge.ts";
import { formatDuration } from "../format.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { judgeSettings, type JudgeFlags } from "./judge-flags.ts";
import { guardAgainstOutage } from "./judge-outage.ts";
import { serverRemedy } from "./judge-remedy.ts";
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

/** Somebody waits for what comes out, and asks again when the server is mended. */
const MOST_RETRIES = 2;
const LONGEST_OUTAGE_SECONDS = 15;
const SECONDS_A_LINE = 15;

export async function checkJudge(flags: JudgeFlags, surroundings: Surroundings): Promise<void> {
  const stopped = new Interrupted("Stopped.", "Start again with the same command.");
  using interrupt = listenForInterrupt(surroundings, { says: "Stopping.", reason: stopped });
  const { stdout, stderr } = surroundings;
  const say = (line: string): void => void stderr.write(`${line}\n`);
  const settings = await judgeSettings(flags, interrupt.signal);
  const calls: JudgeCall[] = [];
  // Answers that were kept would say nothing about the server as it is now.
  const cache = { ...settings.cache, isUsed: false };
  const retries = Math.min(settings.retries, MOST_RETRIES);
  using guard = guardAgainstOutage(settings, {
    say,
    signal: interrupt.signal,
    hint: "The trial was not finished. See the server's log, start it again, and try once more.",
    longestSeconds: LONGEST_OUTAGE_SECONDS,
  });
  const { signal, onOutage } = guard;
  await using judge = await VieScoreJudge.open(
    { ...settings, cache, retries },
    { onCall: (call) => calls.push(call), onOutage },
  );
  const findings: Finding[] = [];
  using waiting = sayWhileWaiting(say);
  for await (const finding of trials({ judge, settings, calls, signal })) {
    findings.push(finding);
    stdout.write(`${lineOf(finding)}\n`);
    waiting.restart();
  }
  for (const line of tallyLines(tallyCalls(calls, settings.prices))) say(line);
  const failed = findings.filter(({ isFine }) => !isFine);
  if (failed.length === 0) return;
  const names = failed.map(({ name }) => name).join(", ");
  const isWithdrawn = findings.length > 1 && isGone({ judge, settings, calls, signal });
  throw new JudgeError(
    isWithdrawn
      ? `The server went away while ${settings.model} was on trial, at: ${names}.`
      : `${settings.model} is no judge as it is: ${names}.`,
    { hint: failed.map(({ remedy }) => remedy).join("\n") },
  );
}

/** A server that hangs is silent for as long as `callSeconds`; this is not. */
function sayWhileWaiting(say: (line: string) => void): Disposable & { readonly restart: () => void } {
  let seconds = 0;
  const timer = setInterval(() => {
    seconds += SECONDS_A_LINE;
    say(`Waiting for the judge, ${formatDuration(seconds)} so far.`);
  }, 1000 * SECONDS_A_LINE);
  return {
    restart: () => {
      seconds = 0;
      timer.refresh();
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** A judge on trial, and what became of all its calls so far. */
interface Trial {
  readonly judge: VieScoreJudge;
  readonly settings: VieScoreSettings;
  readonly calls: readonly JudgeCall[];
  readonly signal: AbortSignal;
}

/** One after the other, as far as trying makes sense: what cannot be reached, or is blind, is no further tried. */
async function* trials(trial: Trial): AsyncGenerator<Finding> {
  for (const next of [knowsModel, seesPictures, tellsProbabilities]) {
    const finding = await next(trial);
    yield finding;
    if (!finding.isFine && (next !== tellsProbabilities || isGone(trial))) return;
  }
  const tried = await tryScenes(trial);
  yield keepsFormat(trial, tried);
  if (!isGone(trial)) yield tellsApart(tried);
}

/** Where the last call came to nothing because of the server: what to do about it. */
function goneRemedy({ calls, settings }: Trial): string | undefined {
  const unreachable = calls.findLast(({ kind }) => kind === "unreachable");
  const fault = unreachable?.attempts.at(-1);
  if (fault === undefined) return undefined;
  const { keyVariable } =
    settings.endpoints.find(({ url }) => url.replace(/\/+$/, "") === fault.endpoint) ??
    settings.endpoints[0]!;
  return serverRemedy(fault, keyVariable);
}

function isGone(trial: Trial): boolean {
  return goneRemedy(trial) !== undefined;
}

async function tellsProbabilities(trial: Trial): Promise<Finding> {
  const name = "tells probabilities";
  const { scoring } = trial.settings;
  const asked = await givesProbabilities(trial.judge.model, trial.signal);
  if (asked.kind === "answered" && asked.answer) {
    return { name, isFine: true, found: "scoring: expected and checklist work" };
  }
  const gone = goneRemedy(trial);
  if (asked.kind !== "answered" && gone !== undefined) {
    return { name, isFine: false, found: asked.reason, remedy: gone };
  }
  const remedy = `scoring: ${scoring} needs them: use scoring: text, or a server that gives log-probabilities.`;
  return { name, isFine: scoring === "text", found: "no; scoring: text works without", remedy };
}

function lineOf({ name, isFine, found }: Finding): string {
  return `${isFine ? pc.green("✓") : pc.red("✗")} ${name.padEnd(22)} ${found}`;
}

async function knowsModel(trial: Trial): Promise<Finding> {
  const name = "is there";
  const { judge, settings, signal } = trial;
  const { model } = settings;
  for (const [url, listed] of await judge.model.models(signal)) {
    const models = listed.status === "answered" ? listed.answer : [];
    // Some list none of those that they have: transformers' serve leaves out a model that lies in a folder.
    if (models.length === 0 || models.includes(model)) continue;
    const remedy = `Name one of its models: ${models.join(", ")}.`;
    return { name, isFine: false, found: `${url} does not know "${model}"`, remedy };
  }
  const asked = await plainAnswer(judge.model, { text: "Say yes.", pictures: [] }, signal);
  if (asked.kind !== "unreachable") return { name, isFine: true, found: `${model} answers` };
  const remedy = goneRemedy(trial) ?? "Check the server's address, which ends in /v1, and the model's name.";
  return { name, isFine: false, found: asked.reason, remedy };
}

async function seesPictures(trial: Trial): Promise<Finding> {
  const name = "sees pictures";
  const { judge, signal } = trial;
  const text = "Which colour is this picture? Answer with one word: red, green or blue.";
  const answers: string[] = [];
  for (const [colour, channels] of Object.entries(COLOURS)) {
    const asked = await plainAnswer(judge.model, { text, pictures: [flat(channels)] }, signal);
    if (asked.kind !== "answered") {
      const remedy =
        asked.kind === "unreachable"
          ? (goneRemedy(trial) ??
            "Serve a vision-language model, and let it take two pictures a request (vLLM: --limit-mm-per-prompt).")
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

async function tryScenes({ judge, signal }: Trial): Promise<Tried[]> {
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

function keepsFormat(trial: Trial, tried: readonly Tried[]): Finding {
  const name = "keeps to the format";
  const verdicts = tried.flatMap(({ good, unedited }) => [good, unedited]);
  const failed = verdicts.flatMap((verdict) => (verdict.kind === "scored" ? [] : [verdict]));
  // What the server did not answer is no fault of the format.
  const first = failed.find(({ kind }) => kind === "unreachable") ?? failed[0];
  if (first === undefined)
    return { name, isFine: true, found: `${verdicts.length} of ${verdicts.length} verdicts` };
  return {
    name,
    isFine: false,
    found: `${verdicts.length - failed.length} of ${verdicts.length} verdicts; first fault, ${first.kind}: ${first.reason}`,
    remedy:
      first.kind === "unparsable"
        ? "Take a larger model, give it more maxTokens, or a server that holds replies to a schema (structured)."
        : (goneRemedy(trial) ?? "The fault says what the server lacks."),
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
