/** Faults of a config in words: what must be there, what is there instead, and what a mistyped key stands for. */

import type { z } from "zod";

import { printable } from "../format.ts";
import { entryOf, valueAt } from "./raw-settings.ts";
import { memberAt, membersAt, type ChoiceNode, type Member } from "./setting-tree.ts";
import type { Setting } from "./settings.ts";
import { closest } from "./suggest.ts";

export interface Fault {
  /** Keys from the outermost group to the setting. */
  readonly path: readonly string[];
  readonly message: string;
}

/** What a config is held against. */
export interface Known {
  readonly root: Member;
  /** Every setting there is; asked for only where a key is unknown. */
  readonly settings: () => readonly Setting[];
  /** The config as written. */
  readonly raw: Record<string, unknown>;
}

/** What zod found, in our words. */
export function faultsOf(issue: z.core.$ZodIssue, known: Known): Fault[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(path, key, known) }));
  }
  const given = valueAt(known.raw, path);
  const member = memberAt(known.root, path, known.raw);
  if (issue.code === "invalid_union" && issue.discriminator !== undefined) {
    return [{ path, message: unknownKind(given, memberAt(known.root, path.slice(0, -1), known.raw)) }];
  }
  if (given === "" && issue.code === "too_small") return [{ path, message: "is empty" }];
  // What a room checks for itself it says in a sentence of its own.
  if (issue.code === "custom") return [{ path, message: issue.message }];
  if (given === undefined) return [{ path, message: missing(member) }];
  const message = `${reason(issue, member)}, not ${describeValue(given)}${advice(issue, given, member)}`;
  return [{ path, message }];
}

function advice(issue: z.core.$ZodIssue, given: unknown, member: Member | undefined): string {
  if (issue.code === "invalid_type" && issue.expected === "string" && typeof given === "number") {
    return " (write it in quotes)";
  }
  if (typeof given !== "string") return "";
  if (member?.node.shape === "choice" && member.node.variants.has(given))
    return ` (write { kind: ${given} })`;
  // What a room says of a value itself; zod's own words begin so.
  if (issue.code === "invalid_value" && !issue.message.startsWith("Invalid")) return `; ${issue.message}`;
  const meant = issue.code === "invalid_value" ? closest(given, issue.values.map(String)) : undefined;
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}

function missing(member: Member | undefined): string {
  const about = member?.about ?? "";
  return `is missing${about === "" ? "" : ` (${about.replace(/\.$/, "")})`}`;
}

function unknownKind(given: unknown, choice: Member | undefined): string {
  const kinds = choice?.node.shape === "choice" ? [...choice.node.variants.keys()] : [];
  const list = `it must be one of: ${kinds.join(", ")}`;
  if (given === undefined) return `is missing; ${list}`;
  const meant = typeof given === "string" ? closest(given, kinds) : undefined;
  const question = meant === undefined || kinds.length < 2 ? "" : `; did you mean ${meant}?`;
  return `is ${kindWord(given)}; ${list}${question}`;
}

function kindWord(kind: unknown): string {
  return typeof kind === "string" ? quoted(kind) : describeValue(kind);
}

function reason(issue: z.core.$ZodIssue, member: Member | undefined): string {
  if (issue.code === "invalid_type") return `must be ${TYPES[issue.expected] ?? issue.expected}`;
  if (issue.code === "invalid_value") return `must be one of ${issue.values.map(String).join(", ")}`;
  if (issue.code === "too_small") {
    return `must ${bound(issue, issue.inclusive === false ? "more than" : "at least", issue.minimum)}`;
  }
  if (issue.code === "too_big") {
    return `must ${bound(issue, issue.inclusive === false ? "less than" : "at most", issue.maximum)}`;
  }
  if (issue.code === "invalid_union" && member?.node.shape === "leaf") return `must be ${member.node.type}`;
  return issue.message;
}

function bound({ origin }: { readonly origin: string }, relation: string, limit: number | bigint): string {
  if (origin === "array") return `have ${relation} ${limit} ${limit === 1 ? "entry" : "entries"}`;
  if (origin !== "string") return `be ${relation} ${limit}`;
  return `have ${relation} ${limit} letters`;
}

const TYPES: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "text",
  boolean: "true or false",
  object: "a group of settings",
  array: "a list",
  tuple: "a list",
  record: "a group",
};

/** A value as a message names it. */
export function describeValue(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a group of settings";
  if (typeof value === "string") return value === "" ? "empty text" : `the text ${quoted(value)}`;
  // JSON has no word for .nan and .inf, which YAML can write.
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

/** As YAML would write it, and short enough for a line. */
function quoted(text: string): string {
  const shown = text.length <= 60 ? text : `${text.slice(0, 59)}…`;
  return oneLine(JSON.stringify(shown));
}

/** A message is a line of a list, whatever the text that it quotes. */
export function oneLine(text: string): string {
  return printable(text).replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}

function unknownKey(group: readonly string[], key: string, { root, settings, raw }: Known): string {
  const prefix = group.map((name) => `${name}.`).join("");
  const node = memberAt(root, group, raw)?.node;
  const written = valueAt(raw, group);
  if (node?.shape === "choice") {
    const others = kindsWith(node, key);
    if (others.length > 0) {
      const kind = entryOf(written, "kind") ?? node.standard;
      return `is not a setting of ${prefix}kind ${kindWord(kind)}, but of ${others.map(quoted).join(", ")}`;
    }
  }
  const names = node === undefined ? [] : [...membersAt(node, written).keys()];
  const near = closest(key, names);
  const elsewhere = settings().find(
    (known) => known.key.split(".").at(-1)?.toLowerCase() === key.toLowerCase(),
  );
  const meant = near === undefined ? elsewhere?.key : `${prefix}${near}`;
  return `is not a setting${meant === undefined ? "" : `; did you mean ${meant}?`}`;
}

function kindsWith({ variants }: ChoiceNode, key: string): string[] {
  return [...variants].filter(([, { members }]) => members.has(key)).map(([kind]) => kind);
}
