/**
 * A recording of another system, compared with what earl makes of the same inputs: the one way in, whatever the kind.
 * Nothing of a recording's sizes is known beforehand.
 */

import type { EngineHost } from "../engine/engine-host.ts";
import { ConfigError, DataError } from "../errors.ts";
import type { Comparison } from "./comparison.ts";
import { compareDatasets } from "./datasets-agreement.ts";
import { comparePolicyOn } from "./hosted-policy.ts";
import { compareMetrics } from "./metrics-agreement.ts";
import { compareMovq } from "./movq-agreement.ts";
import { comparePolicy } from "./policy-agreement.ts";
import { recordingKind, type RecordingKind } from "./recording-kind.ts";
import { compareReplies } from "./replies-agreement.ts";
import { compareResize } from "./resize-agreement.ts";
import { compareSequences } from "./sequences-agreement.ts";
import { compareTextTokenizer } from "./text-tokenizer-agreement.ts";
import { unpack, type Unpacked } from "./unpacked.ts";

export interface VerifyOptions {
  /** Folder of the text tokenizer; sequences need it. */
  readonly tokenizer?: string;
  /** Computes language models and MoVQ; onnxruntime in this process where not given. Whoever opened it closes it. */
  readonly host?: EngineHost;
  /** Called after each comparison. */
  readonly onCompared?: (comparison: Comparison) => void;
}

export interface Verification {
  readonly kind: RecordingKind;
  readonly comparisons: readonly Comparison[];
  /** Recorded tensors that were not compared, since earl does not know what they are. */
  readonly unread: readonly string[];
}

/**
 * Compares everything in a recording. Throws DataError for a path that is none or holds nothing to compare,
 * CheckpointError for weights that do not load, ConfigError where the tokenizer is missing.
 */
export async function verifyRecording(path: string, options: VerifyOptions = {}): Promise<Verification> {
  await using unpacked = await unpack(path);
  try {
    return await verifyUnpacked(path, unpacked, options);
  } catch (error) {
    throw unpacked.inItsOwnWords(error);
  }
}

async function verifyUnpacked(
  path: string,
  unpacked: Unpacked,
  options: VerifyOptions,
): Promise<Verification> {
  const { kind, at } = await recordingKind(path, unpacked);
  const running = compare(kind, at, options);
  const comparisons: Comparison[] = [];
  for (;;) {
    const step = await running.next();
    if (step.done === true) {
      if (comparisons.length > 0) return { kind, comparisons, unread: step.value };
      throw new DataError(`${path} holds inputs, but no results to compare with.`);
    }
    comparisons.push(step.value);
    options.onCompared?.(step.value);
  }
}

function compare(
  kind: RecordingKind,
  at: string,
  { tokenizer, host }: VerifyOptions,
): AsyncGenerator<Comparison, string[]> {
  switch (kind) {
    case "emu3-lm":
      return host === undefined ? comparePolicy(at) : comparePolicyOn(host, at);
    case "datasets":
      return compareDatasets(at);
    case "movq":
      return compareMovq(at, host);
    case "metrics":
      return compareMetrics(at);
    case "text-tokenizer":
      return compareTextTokenizer(at);
    case "viescore-replies":
      return compareReplies(at);
    case "resize":
      return compareResize(at);
    case "sequences":
      if (tokenizer !== undefined) return compareSequences(at, tokenizer);
      throw new ConfigError("--tokenizer DIR is missing: sequences are made with a text tokenizer.", {
        hint: "Give the folder of the tokenizer that the recording was made with.",
      });
    default:
      return kind satisfies never;
  }
}
