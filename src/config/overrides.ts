/** `--set a.b=value`: one setting laid over a config as it is written, lists by index. */

import { entryOf, isIndex, isRecord, isReserved, valueAt } from "./raw-settings.ts";
import { parseYaml, YamlFaults } from "./read-yaml.ts";
import { memberAt, type Member } from "./setting-tree.ts";
import type { Fault } from "./faults.ts";

export interface Overridden {
  /** The key, as a path; empty where the flag has none. */
  readonly path: readonly string[];
  readonly fault?: Fault;
}

/** Longer than any key of a setting, and short enough that nothing recurses too far. */
const MOST_PARTS = 32;

/** What stands where a value will, until it is known whether text is asked for there. */
class NoYaml {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

interface Written {
  readonly path: readonly string[];
  readonly text: string;
  readonly value: unknown;
}

/**
 * Writes overrides into `raw`, in order. Whether a value is text as it stands or is read as YAML depends on kinds, which a
 * later one may choose; so that is settled last.
 */
export function applyOverrides(
  root: Member,
  raw: Record<string, unknown>,
  overrides: readonly string[],
): Overridden[] {
  const written = overrides.map((override) => writeOverride(root, raw, override));
  return written.map((one) => ("text" in one ? settle(root, raw, one) : one));
}

/** A fault leaves `raw` as it was, but for groups on the way. */
function writeOverride(root: Member, raw: Record<string, unknown>, override: string): Written | Overridden {
  const [, key = "", text = ""] = /^([^=]*)=(.*)$/s.exec(override) ?? [];
  const path = key.split(".");
  const refuse = (message: string): Overridden => ({ path, fault: { path, message } });
  if (key === "" || path.includes("") || path.length > MOST_PARTS) {
    return { path: [], fault: { path: [], message: `${shortened(override)} is not of the form key=value` } };
  }
  if (path.some(isReserved)) return refuse("is not a setting");
  const folder = folderOf(root, raw, path);
  if (typeof folder === "string") return refuse(folder);
  const value = yamlValue(text);
  const misplaced = put(folder, path.at(-1) ?? "", value, path.slice(0, -1));
  return misplaced === undefined ? { path, text, value } : refuse(misplaced);
}

function yamlValue(text: string): unknown {
  try {
    return parseYaml(text).value;
  } catch (error) {
    if (!(error instanceof YamlFaults)) throw error;
    return new NoYaml(error.faults[0] ?? error.message);
  }
}

function settle(root: Member, raw: Record<string, unknown>, { path, text, value }: Written): Overridden {
  const folder = valueAt(raw, path.slice(0, -1));
  const leaf = path.at(-1) ?? "";
  // Something that was set later may have taken its place.
  if (!isFolder(folder) || !Object.is(entryOf(folder, leaf), value)) return { path };
  const node = memberAt(root, path, raw)?.node;
  if (node?.shape === "leaf" && node.type === "text") put(folder, leaf, text, path.slice(0, -1));
  else if (value instanceof NoYaml) {
    put(folder, leaf, undefined, path.slice(0, -1));
    const message = `${JSON.stringify(shortened(text))} is not a YAML value: ${value.reason}`;
    return { path, fault: { path, message } };
  }
  return { path };
}

type Folder = Record<string, unknown> | unknown[];

function isFolder(value: unknown): value is Folder {
  return isRecord(value) || Array.isArray(value);
}

/** The group or list that holds the last part of the path, made where it is not there; a sentence where it cannot be. */
function folderOf(root: Member, raw: Record<string, unknown>, path: readonly string[]): Folder | string {
  let folder: Folder = raw;
  for (const [depth, name] of path.slice(0, -1).entries()) {
    const here = path.slice(0, depth + 1);
    let inner = entryOf(folder, name);
    if (inner === undefined || inner === null) {
      inner = startOf(memberAt(root, here, raw));
      const misplaced = put(folder, name, inner, here.slice(0, -1));
      if (misplaced !== undefined) return misplaced;
    }
    if (!isRecord(inner) && !Array.isArray(inner))
      return `${here.join(".")} is a value, not a group of settings`;
    folder = inner;
  }
  return folder;
}

/** What a group or list is before anything of it is set: a list begins as it would be if nothing were. */
function startOf(member: Member | undefined): Folder {
  const standard: unknown = structuredClone(member?.standard);
  if (isFolder(standard)) return standard;
  return member?.node.shape === "list" ? [] : {};
}

/** Returns what is wrong with the place, if anything is. */
function put(folder: Folder, name: string, value: unknown, path: readonly string[]): string | undefined {
  if (!Array.isArray(folder)) {
    folder[name] = value;
    return undefined;
  }
  const list = path.join(".");
  if (!isIndex(name)) return `${list} is a list; name an entry by its number, such as ${list}.0`;
  if (Number(name) > folder.length) {
    const count = folder.length === 1 ? "1 entry" : `${folder.length} entries`;
    return `${list} has ${count}; the next one is ${list}.${folder.length}`;
  }
  folder[Number(name)] = value;
  return undefined;
}

function shortened(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}
