/**
 * The edits of one arm on one benchmark: a folder with `edits.jsonl`, one edit a line, and the pictures that it names. What
 * other systems made has the same layout (docs/benchmarks.md).
 */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { ConfigError, DataError } from "../errors.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { readJson } from "../runs/run-directory.ts";
import { Captions, Expected } from "./benchmark-inputs.ts";

export const EDITS_FILE = "edits.jsonl";
export const PICTURES_FOLDER = "edits";
const ABOUT_FILE = "about.json";

const name = z.union([z.string().min(1), z.number()]).transform(String);

/** An edit, or why there is none. */
export const EditLine = z.looseObject({
  /** Of the benchmark's row. */
  id: name.exactOptional(),
  seed: z.int().min(0).default(0),
  /** Which one of the same seed, from 0. */
  sample: z.int().min(0).default(0),
  /** Path of the picture, from this file's folder. */
  edited: z.string().min(1).nullish(),
  /** Why there is no picture. */
  problem: z.string().exactOptional(),
  /** Of the picture file. */
  sha256: z.string().exactOptional(),
  tokens: z.array(z.int()).exactOptional(),
  thought: z.string().exactOptional(),
  /** Whether every code equals the target's. */
  isExact: z.boolean().exactOptional(),
  // What belongs to no benchmark says itself what was asked for.
  source: z.string().min(1).exactOptional(),
  target: z.string().min(1).exactOptional(),
  mask: z.string().min(1).exactOptional(),
  instruction: z.string().exactOptional(),
  task: z.string().exactOptional(),
  captions: Captions.exactOptional(),
  expected: Expected.exactOptional(),
});
export type EditLine = z.infer<typeof EditLine>;

/** How edits were made: what another sitting must do alike. */
const Recipe = z.record(z.string(), z.json());

const EditsAbout = z.looseObject({
  version: z.literal(1),
  arm: z.string(),
  benchmark: z.string(),
  /** Rows of the benchmark that were wanted, from the first on. */
  items: z.int().min(0),
  /** SHA-256 of their ids. */
  ids: z.string(),
  seeds: z.array(z.int()),
  samples: z.int().min(1),
  recipe: Recipe,
  /** For readers: the policy in a line, the device. */
  policy: z.string().exactOptional(),
  device: z.string().exactOptional(),
});
export type EditsAbout = z.infer<typeof EditsAbout>;

/** What is said of the edits in a folder; undefined for those of other systems. */
export function readEditsAbout(folder: string): EditsAbout | undefined {
  const path = join(folder, ABOUT_FILE);
  if (!existsSync(path)) return undefined;
  const about = EditsAbout.safeParse(readJson(path));
  if (about.success) return about.data;
  throw new DataError(`${path} does not say what edits these are.`, {
    hint: "Move it away; edits of other systems need none.",
  });
}

export function writeEditsAbout(folder: string, about: EditsAbout): void {
  writeFileAtomically(join(folder, ABOUT_FILE), `${JSON.stringify(about, null, 2)}\n`);
}

/** Throws ConfigError where edits were made in another way than they would be now. */
export function requireSameRecipe(folder: string, before: EditsAbout, now: EditsAbout): void {
  const differing = [...new Set([...Object.keys(before.recipe), ...Object.keys(now.recipe)])].filter(
    (key) => JSON.stringify(before.recipe[key]) !== JSON.stringify(now.recipe[key]),
  );
  const word = (value: unknown): string => (value === undefined ? "unset" : JSON.stringify(value));
  const list = differing.map((key) => `${key} was ${word(before.recipe[key])}, is ${word(now.recipe[key])}`);
  if (before.samples !== now.samples) list.push(`samples was ${before.samples}, is ${now.samples}`);
  if (list.length === 0) return;
  throw new ConfigError(`The edits in ${folder} were made with other settings:\n  ${list.join("\n  ")}`, {
    hint: "Choose another --out, or name the arm otherwise: --checkpoint NAME=DIR.",
  });
}

/** Tells edits apart within a folder. */
export function editKey({ id, seed, sample }: { id?: string; seed: number; sample: number }): string {
  return JSON.stringify([id, seed, sample]);
}
