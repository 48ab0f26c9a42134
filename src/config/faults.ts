/** Faults of a config in words: what must be there, what is there instead, and what a mistyped key stands for. */

import type { z } from "zod";

import type { Setting } from "./settings.ts";
import { closest } from "./suggest.ts";

export interface Fault {
  /** Keys from the outermost group to the setting. */
  readonly path: readonly string[];
  readonly message: string;
}

/** True for a group of settings, as YAML gives it. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What lies at a path of groups; undefined where there is nothing. */
export function valueAt(raw: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => (isRecord(value) ? value[name] : undefined), raw);
}

/** What zod found, in our words. `raw` is the config as written. */
export function faultsOf(
  issue: z.core.$ZodIssue,
  raw: Record<string, unknown>,
  settings: readonly Setting[],
): Fault[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(path, key, settings) }));
  }
  const given = valueAt(raw, path);
  if (given === undefined) return [{ path, message: missing(path, settings) }];
  const needsQuotes =
    issue.code === "invalid_type" && issue.expected === "string" && typeof given === "number";
  const advice = needsQuotes ? " (write it in quotes)" : "";
  return [{ path, message: `${reason(issue)}, not ${describeValue(given)}${advice}` }];
}

function missing(path: readonly string[], settings: readonly Setting[]): string {
  const setting = settings.find(({ key }) => key === path.join("."));
  return `is missing${setting === undefined ? "" : ` (${setting.about.replace(/\.$/, "")})`}`;
}

function reason(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") return `must be ${TYPES[issue.expected] ?? issue.expected}`;
  if (issue.code === "invalid_value") return `must be one of ${issue.values.join(", ")}`;
  if (issue.code === "too_small") {
    return `must be ${issue.inclusive === true ? "at least" : "more than"} ${issue.minimum}`;
  }
  if (issue.code === "too_big") {
    return `must be ${issue.inclusive === true ? "at most" : "less than"} ${issue.maximum}`;
  }
  return issue.message;
}

const TYPES: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "text",
  boolean: "true or false",
  object: "a group of settings",
};

/** A value as a message names it. */
export function describeValue(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a group of settings";
  if (typeof value === "string") return `the text ${JSON.stringify(value)}`;
  // JSON has no word for .nan and .inf, which YAML can write.
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

function unknownKey(group: readonly string[], key: string, settings: readonly Setting[]): string {
  const prefix = group.map((name) => `${name}.`).join("");
  const keys = settings.map((setting) => setting.key);
  const here = keys.filter((known) => known.startsWith(prefix)).map((known) => known.slice(prefix.length));
  const names = [...new Set(here.map((known) => known.split(".")[0] ?? known))];
  const elsewhere = keys.find((known) => known.split(".").at(-1)?.toLowerCase() === key.toLowerCase());
  const near = closest(key, names);
  const meant = near === undefined ? elsewhere : `${prefix}${near}`;
  return `is not a setting${meant === undefined ? "" : `; did you mean ${meant}?`}`;
}
