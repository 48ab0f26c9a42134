/** Arms: the checkpoints that a command compares, each with a name that tables and folders carry. */

import { existsSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";

import { ConfigError } from "../errors.ts";
import { runOfCheckpoint } from "../runs/checkpoint.ts";
import { INPUTS_FOLDER } from "./edit-items.ts";

export const COPY_ARM = "source-copied";
const RESERVED = [INPUTS_FOLDER, COPY_ARM];

export interface NamedPlace {
  readonly name: string;
  readonly place: string;
}

/** "NAME=PLACE", or a place alone that is called by its last folder's name; a checkpoint within a run by both names. */
export function namedPlace(word: string): NamedPlace {
  const at = word.indexOf("=");
  if (at > 0 && !existsSync(word)) return checked({ name: word.slice(0, at), place: word.slice(at + 1) });
  const run = runOfCheckpoint(resolve(word));
  const own = basename(resolve(word));
  const name = run === undefined ? own : `${basename(dirname(dirname(resolve(word))))}-${own}`;
  return checked({ name: name.replaceAll(/[^\p{L}\p{N} .+_@-]/gu, "-"), place: word });
}

/** Throws ConfigError where two arms share a name. */
export function namedPlaces(words: readonly string[]): NamedPlace[] {
  const arms = words.map(namedPlace);
  const names = arms.map(({ name }) => name.toLowerCase());
  const second = arms.find(({ name }, index) => names.indexOf(name.toLowerCase()) !== index);
  if (second === undefined) return arms;
  throw new ConfigError(`Two arms are called ${second.name}.`, { hint: `Name one: OTHER=${second.place}` });
}

function checked(arm: NamedPlace): NamedPlace {
  const { name, place } = arm;
  if (place.trim() === "")
    throw new ConfigError(`The arm ${name} names no folder.`, { hint: "Write NAME=DIR." });
  if (/^[\p{L}\p{N}_][\p{L}\p{N} .+_@-]{0,99}$/u.test(name) && !RESERVED.includes(name.toLowerCase()))
    return arm;
  throw new ConfigError(`${JSON.stringify(name)} is no name for an arm.`, {
    hint: `Write NAME=${place}: letters, digits, blanks and .+_@-; not ${RESERVED.join(" or ")}.`,
  });
}
