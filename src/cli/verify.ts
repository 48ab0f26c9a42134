/** `earl verify PATH`: does earl compute what the system computed that made a recording? */

import { AgreementError } from "../errors.ts";
import { formatTable } from "../format.ts";
import { failureLines, summarize, summaryRows } from "../verify/summary.ts";
import { verifyRecording } from "../verify/verify-recording.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface VerifyFlags {
  readonly tokenizer?: string;
}

/** Failures that are told one by one; a wrong weight makes hundreds. */
const MOST_FAILURES = 20;

export async function verify(
  path: string,
  { tokenizer }: VerifyFlags,
  surroundings: Surroundings,
): Promise<void> {
  const { stdout, stderr } = surroundings;
  const progress = progressOn(surroundings);
  let done = 0;
  progress.start("Verify", 0);
  const { kind, comparisons, unread } = await verifyRecording(path, {
    ...(tokenizer === undefined ? {} : { tokenizer }),
    onCompared: ({ quantity }) => progress.advance((done += 1), quantity),
  });
  progress.finish(`${kind}, ${comparisons.length} comparisons`);

  const summaries = summarize(comparisons);
  stdout.write(`${formatTable(summaryRows(summaries))}\n`);
  const failures = failureLines(summaries);
  for (const line of failures.slice(0, MOST_FAILURES)) stdout.write(`${line}\n`);
  if (failures.length > MOST_FAILURES) stdout.write(`and ${failures.length - MOST_FAILURES} more\n`);
  if (unread.length > 0) stderr.write(`Not compared, since unknown: ${unread.join(", ")}\n`);
  if (failures.length > 0) {
    throw new AgreementError(`${path}: ${failures.length} of ${comparisons.length} comparisons failed.`, {
      hint: "The table says how far each quantity is off, and how far it may be.",
    });
  }
}
