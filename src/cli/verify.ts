/** `earl verify PATH`: does earl compute what the system computed that made a recording? */

import type { Command } from "commander";
import { AgreementError } from "../errors.ts";
import { formatTable } from "../format.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

interface VerifyFlags {
  readonly tokenizer?: string;
}

/** Failures that are told one by one; a wrong weight makes hundreds. */
const MOST_FAILURES = 20;

export function addVerify(program: Command, surroundings: Surroundings): void {
  program
    .command("verify")
    .description("compare earl with a recording of another system; exits 1 past a tolerance")
    .argument("<path>", "folder of a recording, or sequences.json (docs/agreement.md lists the kinds)")
    .option("--tokenizer <dir>", "text tokenizer of a recording of sequences")
    .action((path: string, flags: VerifyFlags) => verify(path, flags, surroundings));
}

async function verify(path: string, { tokenizer }: VerifyFlags, surroundings: Surroundings): Promise<void> {
  const { verifyRecording } = await import("../verify/verify-recording.ts");
  const { failureLines, summarize, summaryRows } = await import("../verify/summary.ts");
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
