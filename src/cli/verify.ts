/** `earl verify PATH`: does earl compute what the system computed that made a recording? */

import type { EngineHost } from "../engine/engine-host.ts";
import { EngineSettings, openEngineHost } from "../engine/open-engine-host.ts";
import { installedEnvironment } from "../engine/torch/python-environment.ts";
import { AgreementError, ConfigError } from "../errors.ts";
import { formatTable } from "../format.ts";
import { failureLines, summarize, summaryRows } from "../verify/summary.ts";
import { verifyRecording } from "../verify/verify-recording.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface VerifyFlags {
  readonly tokenizer?: string;
  readonly engine: "onnx" | "torch";
  readonly device?: "cpu" | "cuda";
  readonly workers?: number;
}

/** Failures that are told one by one; a wrong weight makes hundreds. */
const MOST_FAILURES = 20;

export async function verify(path: string, flags: VerifyFlags, surroundings: Surroundings): Promise<void> {
  const { stdout, stderr } = surroundings;
  const { tokenizer } = flags;
  await using host = await hostOf(flags);
  const progress = progressOn(surroundings);
  let done = 0;
  progress.start("Verify", 0);
  const { kind, comparisons, unread } = await verifyRecording(path, {
    ...(tokenizer === undefined ? {} : { tokenizer }),
    ...(host === undefined ? {} : { host }),
    onCompared: ({ quantity }) => progress.advance((done += 1), quantity),
  });
  const isComputed = host !== undefined && ["emu3-lm", "movq"].includes(kind);
  progress.finish(`${kind}, ${comparisons.length} comparisons${isComputed ? `, ${host.device}` : ""}`);
  if (host !== undefined && !isComputed)
    stderr.write(`No engine takes part in what a recording of ${kind} holds.\n`);

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

/** The recordings were made in float32, so that is what is compared; undefined for the engine in this process. */
async function hostOf({ engine, device, workers }: VerifyFlags): Promise<EngineHost | undefined> {
  if (engine === "onnx") {
    const stray = device === undefined ? (workers === undefined ? undefined : "--workers") : "--device";
    if (stray === undefined) return undefined;
    throw new ConfigError(`${stray} is of the torch engine.`, {
      hint: "Add --engine torch, or leave it out.",
    });
  }
  const chosen = device ?? installedEnvironment() ?? "cpu";
  return openEngineHost(
    EngineSettings.parse({
      kind: "torch",
      device: chosen,
      precision: "float32",
      workers: workers ?? (chosen === "cpu" ? 2 : 0),
    }),
  );
}
