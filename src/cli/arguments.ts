/** Readers of command-line values; commander shows their complaints beside the flag. */

import { InvalidArgumentError, Option } from "commander";

import { ConfigError } from "../errors.ts";

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(
      value > most
        ? `It must be a whole number of at most ${most}.`
        : `It must be a whole number of at least ${least}.`,
    );
  };
}

/** Whole numbers with commas between them. */
export function wholeNumbers(least: number, most: number): (text: string) => number[] {
  const read = wholeNumber(least, most);
  return (text) => text.split(",").map((part) => read(part.trim()));
}

/** A number from `least` to `most`. */
export function numberBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= least && value <= most) return value;
    const range = most === Number.POSITIVE_INFINITY ? `at least ${least}` : `between ${least} and ${most}`;
    throw new InvalidArgumentError(`It must be a number ${range}.`);
  };
}

/** The path of a file or folder. An empty one would mean the current folder, which nobody who types it means. */
export function filePath(text: string): string {
  if (text.trim() !== "" && !text.includes("\0")) return text;
  throw new InvalidArgumentError("It must be a path, not empty.");
}

/** Collects the paths of an argument that may be given several times. */
export function filePaths(text: string, earlier: readonly string[] = []): string[] {
  return [...earlier, filePath(text)];
}

/** Collects a flag that may be given several times. */
export function collect(text: string, earlier: readonly string[]): string[] {
  return [...earlier, text];
}

const SPLIT_NAMES = ["train", "validation", "test"];

/** Collects names of splits. */
export function collectSplits(text: string, earlier: readonly string[]): string[] {
  if (SPLIT_NAMES.includes(text)) return [...earlier, text];
  throw new InvalidArgumentError(`It must be ${SPLIT_NAMES.join(", ")}.`);
}

/**
 * The value of a flag that must be given. commander could check that itself, but would then complain about a missing
 * `--out` where the fault is a mistyped `--ot`.
 */
export function required(value: string | undefined, flag: string): string {
  if (value !== undefined) return value;
  throw new ConfigError(`${flag} is missing.`, { hint: "--help shows what the command takes." });
}

/** `--device`, short for `--set engine.device=…`. */
export function deviceOption(): Option {
  return new Option("--device <device>", "where tensors live").choices(["cpu", "webgpu"]);
}

/** The overrides of a command that has both `--set` and `--device`. */
export function overridesOf(flags: { readonly set: readonly string[]; readonly device?: string }): string[] {
  return flags.device === undefined ? [...flags.set] : [...flags.set, `engine.device=${flags.device}`];
}

/** How a dataset may be named on the command line; read by named-dataset.ts. */
export const DATASET_NAMES =
  "the name of a published dataset (its kind), a folder, KIND:FOLDER, hf://owner/name, a run's config, or a YAML of a dataset's settings; with @train, @validation or @test behind it";
