/** What `earl edit` makes of completions: pictures, a sheet that shows all of them, and words about the rest. */

import { join } from "node:path";

import type { Completion } from "../engine/policy-engine.ts";
import { printable } from "../format.ts";
import { contactSheet } from "../images/contact-sheet.ts";
import type { Picture } from "../images/picture.ts";
import { encodePng } from "../images/png.ts";
import { resize } from "../images/resize.ts";
import { readCompletion } from "../rollout/read-completion.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { makeFolders } from "../runs/writable-place.ts";
import { parseThought } from "../tokens/parse-completion.ts";
import type { Prompt } from "../tokens/prompt.ts";
import type { EditedPicture } from "./edit-record.ts";
import { pictureFile, SHEET_FILE } from "./own-output.ts";
import type { OpenPolicy } from "../experiment/open-policy.ts";
import type { Surroundings } from "./surroundings.ts";

/** The sheet enlarges pictures that are smaller than this, in pixels. */
const SHEET_PIXELS = 256;
const LONGEST_SHEET_ROW = 5;

export type ReadEdit = EditedPicture & { readonly picture?: Picture };

export interface CompletionReader extends Pick<OpenPolicy, "tokens" | "vision"> {
  readonly prompt: Prompt;
}

/** Reads every completion, and says how many are read. What cannot be read is an outcome, not an error. */
export async function readEdits(
  { tokens, vision, prompt }: CompletionReader,
  completions: readonly Completion[],
  onRead: (done: number) => void,
): Promise<ReadEdit[]> {
  const edits: ReadEdit[] = [];
  for (const [index, completion] of completions.entries()) {
    const number = index + 1;
    const read = readCompletion(tokens, prompt, completion);
    const common = {
      number,
      completion,
      ...(prompt.writes === "thought" ? { thought: parseThought(tokens, completion.ids) } : {}),
    };
    if (read.kind === "unreadable") edits.push({ ...common, outcome: { problem: read.problem } });
    else {
      const [picture] = await vision.decode([read.codes]);
      edits.push({ ...common, outcome: { file: pictureFile(number) }, picture: picture as Picture });
    }
    onRead(edits.length);
  }
  return edits;
}

export interface WrittenPictures {
  readonly pictures: readonly Picture[];
  readonly paths: readonly string[];
}

/** The pictures, and all of them on one sheet after the source, which is shown at their size. */
export function writePictures(out: string, source: Picture, edits: readonly ReadEdit[]): WrittenPictures {
  makeFolders(out);
  const paths: string[] = [];
  const pictures: Picture[] = [];
  const write = (name: string, picture: Picture): void => {
    const path = join(out, name);
    writeFileAtomically(path, encodePng(picture));
    paths.push(path);
  };
  for (const { outcome, picture } of edits) {
    if (picture === undefined || !("file" in outcome)) continue;
    write(outcome.file, picture);
    pictures.push(picture);
  }
  const [first] = pictures;
  if (first !== undefined) {
    const { width, height } = first;
    const columns = Math.min(pictures.length + 1, LONGEST_SHEET_ROW);
    const scale = Math.max(1, Math.floor(SHEET_PIXELS / Math.max(width, height)));
    const sheet = contactSheet([resize(source, width, height), ...pictures], { columns, scale });
    write(SHEET_FILE, sheet);
  }
  return { pictures, paths };
}

/** Thoughts and files on stdout, what went wrong on stderr. */
export function tell(
  edits: readonly EditedPicture[],
  paths: readonly string[],
  { stdout, stderr }: Surroundings,
): void {
  for (const { number, outcome, thought } of edits) {
    if ("problem" in outcome) stderr.write(`Try ${number}: ${printable(outcome.problem)}\n`);
    if (thought !== undefined && "thought" in thought) stdout.write(`${printable(thought.thought)}\n`);
  }
  for (const path of paths) stdout.write(`${path}\n`);
}
