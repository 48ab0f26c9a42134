/** `earl data think DATASET`: thoughts for a dataset, written by a judge's model into a file beside it. */

import { dirname } from "node:path";

import { eachAtOnce } from "../each-at-once.ts";
import { decodeExample, isBroken, type EditExample } from "../data/edit-dataset.ts";
import type { OpenDataset } from "../data/open-dataset.ts";
import { boxesIn } from "../data/thoughts/boxes.ts";
import { ThoughtFile } from "../data/thoughts/thought-file.ts";
import { ConfigError, Interrupted, JudgeError } from "../errors.ts";
import { printable } from "../format.ts";
import { encodePng } from "../images/png.ts";
import { tallyCalls } from "../judge/call-tally.ts";
import type { JudgeCall } from "../judge/judge-call.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { makeFolders, requireWritableFile } from "../runs/writable-place.ts";
import { thoughtSheet, type ShownThought } from "../think/thought-sheet.ts";
import { ThinkSettings } from "../think/think-settings.ts";
import { ThoughtWriter } from "../think/thought-writer.ts";
import { required } from "./arguments.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { judgeDeclaration, settingsOf, type JudgeFlags } from "./judge-flags.ts";
import { slotsOf } from "./judge-score.ts";
import { tallyLines } from "./judge-tally.ts";
import { openNamedDataset } from "./named-dataset.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface ThinkFlags extends JudgeFlags {
  readonly out?: string;
  readonly size?: number;
  readonly show: number;
}

const THINK = judgeDeclaration("Thoughts", ThinkSettings);
const SHOWN_FAILURES = 3;
/** Questions in a row that nobody answered, before the rest is not asked. */
const MOST_LOST = 8;

export async function writeThoughts(
  name: string,
  flags: ThinkFlags,
  surroundings: Surroundings,
): Promise<void> {
  const out = required(flags.out, "--out FILE");
  requireWritableFile(out);
  makeFolders(dirname(out));
  const progress = progressOn(surroundings);
  const stopped = new Interrupted(
    `Stopped. The thoughts so far are in ${out}.`,
    "Go on with the same command.",
  );
  using interrupt = listenForInterrupt(surroundings, { says: "Stopping.", reason: stopped });
  const { signal } = interrupt;
  const settings = await settingsOf(THINK, flags, signal);
  const { dataset } = await openNamedDataset(name, ["train"], progress);
  const rows = distinctRows(dataset, flags.size);

  const calls: JudgeCall[] = [];
  await using writer = await ThoughtWriter.open(settings, { onCall: (call) => calls.push(call) });
  const file = await ThoughtFile.open(out, { writes: true });
  await refuseOthers(file, dataset, rows, writer.signature);
  const failures: string[] = [];
  let [done, written, skipped, lost] = [0, 0, 0, 0];
  progress.start("Thoughts", rows.length);
  // Lines are added one at a time.
  let adding = Promise.resolve();
  await eachAtOnce(rows, slotsOf(settings), async (row) => {
    signal.throwIfAborted();
    const [example] = await dataset.read([row]);
    if (example === undefined || isBroken(example)) {
      failures.push(example === undefined ? `row ${row} is gone` : `${example.origin}: ${example.broken}`);
    } else if (file.has(example.id)) skipped += 1;
    else {
      const thought = await writer.write(example, signal);
      if (thought.kind === "written") {
        adding = adding.then(() => file.add(thought.row));
        await adding;
        written += 1;
        lost = 0;
      } else {
        failures.push(`${example.id}: ${thought.kind}: ${thought.reason}`);
        // A picture may be refused; where nobody is there, a million rows need not find that out one by one.
        lost += thought.kind === "unreachable" ? 1 : 0;
        if (lost >= MOST_LOST) throw gaveUp(out, thought.reason);
      }
    }
    done += 1;
    progress.advance(done, failures.length === 0 ? "" : `${failures.length} without a thought`);
  });
  progress.finish(
    `${written} written, ${skipped} were there${failures.length === 0 ? "" : `, ${failures.length} failed`}: ${out}`,
  );
  for (const line of tallyLines(tallyCalls(calls, settings.prices))) surroundings.stderr.write(`${line}\n`);
  await show({ dataset, rows, file, most: flags.show }, surroundings);
  surroundings.stdout.write(`${out}\n`);
  if (failures.length === 0) return;
  const named = failures.slice(0, SHOWN_FAILURES).map((failure) => `\n  ${printable(failure)}`);
  throw new JudgeError(`${failures.length} of ${rows.length} rows have no thought:${named.join("")}`, {
    hint: "The same command asks for these alone; training does without.",
  });
}

/** Rows to think about, each once whatever a mixture repeats. */
function distinctRows(dataset: OpenDataset, most = dataset.count): number[] {
  const seen = new Set<number>();
  const rows: number[] = [];
  for (let row = 0; row < dataset.count && rows.length < most; row += 1) {
    const number = dataset.numberOf?.(row) ?? row;
    if (seen.has(number)) continue;
    seen.add(number);
    rows.push(row);
  }
  return rows;
}

/** Thoughts of two models, or of two questions, do not belong into one file. */
async function refuseOthers(
  file: ThoughtFile,
  dataset: OpenDataset,
  rows: readonly number[],
  signature: string,
): Promise<void> {
  if (file.count === 0) return;
  for (const row of rows) {
    const [example] = await dataset.read([row]);
    if (example === undefined || isBroken(example) || !file.has(example.id)) continue;
    const [known] = await file.read([example.id]);
    if (known?.by === undefined || known.by === signature) return;
    throw new ConfigError(`${file.path} holds thoughts of another model or question (${known.by}).`, {
      hint: "Choose another --out, or move it away.",
    });
  }
}

function gaveUp(out: string, reason: string): JudgeError {
  return new JudgeError(`The model cannot be reached: ${reason}.`, {
    hint: `Start it, and give the same command: it goes on with what ${out} lacks.`,
  });
}

interface Showing {
  readonly dataset: OpenDataset;
  readonly rows: readonly number[];
  readonly file: ThoughtFile;
  readonly most: number;
}

/** Prints thoughts of the first rows that have one, and draws their boxes into a picture beside the file. */
async function show({ dataset, rows, file, most }: Showing, { stdout }: Surroundings): Promise<void> {
  const shown: ShownThought[] = [];
  for (const row of rows) {
    if (shown.length >= most) break;
    const [example] = await dataset.read([row]);
    if (example === undefined || isBroken(example)) continue;
    const [known] = await file.read([example.id]);
    if (known === undefined) continue;
    stdout.write(`${printable(thoughtText(example, known.thought))}\n\n`);
    const { source, target } = await decodeExample(example);
    const words = typeof known.thought === "string" ? known.thought : Object.values(known.thought).join(" ");
    if (source !== undefined) shown.push({ source, target, boxes: boxesIn(words) });
  }
  if (shown.length === 0) return;
  const sheet = `${file.path.replace(/\.jsonl$/, "")}.png`;
  writeFileAtomically(sheet, encodePng(thoughtSheet(shown)));
  stdout.write(`${sheet}\n`);
}

function thoughtText(
  { id, instruction }: EditExample,
  thought: string | Readonly<Record<string, string>>,
): string {
  const parts =
    typeof thought === "string"
      ? [thought]
      : Object.entries(thought).map(([name, text]) => `${name}: ${text}`);
  return [`${id}  ${JSON.stringify(instruction)}`, ...parts.map((part) => `  ${part}`)].join("\n");
}
