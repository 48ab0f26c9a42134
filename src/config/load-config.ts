/**
 * A config file and its overrides as a checked config. All faults are reported at once, each with the line or
 * flag it comes from, and a mistyped key with the one that was probably meant.
 */

import { readFileSync } from "node:fs";

import { isCollection, isMap, isScalar, LineCounter, parse, parseDocument, type Document } from "yaml";

import { ConfigError } from "../errors.ts";
import type { Declaration } from "./declaration.ts";
import { describeValue, type Fault, faultsOf, isRecord, valueAt } from "./faults.ts";
import { listSettings, type Setting } from "./settings.ts";

/**
 * Reads a YAML file and lays `overrides` ("a.b=value") over it.
 * Throws ConfigError that lists every fault in the file and the overrides.
 */
export function loadConfig<Config>(
  declaration: Declaration<Config>,
  file: string,
  overrides: readonly string[] = [],
): Config {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new ConfigError(`Cannot read the config ${file}.`, {
      hint: "Check the path; recipes/ holds configs to start from.",
      cause,
    });
  }
  return parseConfig(declaration, text, file, overrides);
}

/** As `loadConfig`, for text in memory; `file` is what messages call it. */
export function parseConfig<Config>(
  declaration: Declaration<Config>,
  text: string,
  file: string,
  overrides: readonly string[] = [],
): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const list = document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return `${file}:${line}:${col}: ${error.message}`;
    });
    throw new ConfigError(`The config is not valid YAML:\n  ${list.join("\n  ")}`, {
      hint: "Correct the syntax; `earl config docs` shows every setting.",
    });
  }
  const raw: unknown = document.toJS() ?? {};
  if (!isRecord(raw)) {
    throw new ConfigError(`${file} holds ${describeValue(raw)}, not settings.`, {
      hint: "Write one `key: value` a line; recipes/ holds configs to start from.",
    });
  }

  const settings = listSettings(declaration);
  const flags: string[] = [];
  const faults = overrides.flatMap((override) => applyOverride(raw, override, { flags, settings }));
  const parsed = declaration.schema.safeParse(raw);
  for (const issue of parsed.error?.issues ?? []) {
    for (const fault of faultsOf(issue, raw, settings)) faults.push(fault);
  }
  faults.push(...crossFaultsOf(declaration, raw, faults));
  if (parsed.success && faults.length === 0) return parsed.data;

  const list = faults.map(({ path, message }) => {
    const key = path.join(".");
    const isFlag = flags.some((flag) => flag === key || flag.startsWith(`${key}.`));
    const place = isFlag || key === "" ? "--set" : placeOf(document, lines, path, file);
    return `${place}${key === "" ? "" : ` ${key}:`} ${message}`;
  });
  const count = faults.length === 1 ? "a fault" : `${faults.length} faults`;
  throw new ConfigError(`The config has ${count}:\n  ${list.join("\n  ")}`, {
    hint: "`earl config docs` shows every setting with its type and range.",
  });
}

/** Writes one "a.b=value" into `raw`; notes the flag it came from. Returns its faults. */
function applyOverride(
  raw: Record<string, unknown>,
  override: string,
  { flags, settings }: { flags: string[]; settings: readonly Setting[] },
): Fault[] {
  const [, key = "", text = ""] = /^([^=]+)=(.*)$/s.exec(override) ?? [];
  if (key === "") return [{ path: [], message: `${override} is not of the form key=value` }];
  flags.push(key);
  const path = key.split(".");
  const leaf = path.pop() ?? "";
  let folder = raw;
  for (const name of path) {
    const inner = folder[name] ?? {};
    if (!isRecord(inner))
      return [{ path: key.split("."), message: `${name} is a value, not a group of settings` }];
    folder[name] = inner;
    folder = inner;
  }
  const isText = settings.some((setting) => setting.key === key && setting.type === "text");
  try {
    folder[leaf] = isText ? text : parse(text);
  } catch {
    return [{ path: key.split("."), message: `${JSON.stringify(text)} is not a YAML value` }];
  }
  return [];
}

/**
 * Combinations are looked for also when single settings are at fault: those are left out, and only combinations of
 * sound settings are reported.
 */
function crossFaultsOf<Config>(
  { schema, standIns, crossFaults }: Declaration<Config>,
  raw: Record<string, unknown>,
  faults: readonly Fault[],
): Fault[] {
  const sound: Record<string, unknown> = structuredClone(raw);
  for (const { path } of faults) {
    const folder = valueAt(sound, path.slice(0, -1));
    if (isRecord(folder)) delete folder[path.at(-1) ?? ""];
  }
  const parsed = schema.safeParse(over(standIns, sound));
  if (!parsed.success) return [];
  const faulty = new Set(faults.map(({ path }) => path.join(".")));
  return crossFaults(parsed.data)
    .filter(({ keys }) => !keys.some((key) => faulty.has(key)))
    .map(({ keys, message }) => ({ path: keys[0].split("."), message }));
}

/** `upper` laid over `lower`, group by group. */
function over(
  lower: Readonly<Record<string, unknown>>,
  upper: Record<string, unknown>,
): Record<string, unknown> {
  const laid: Record<string, unknown> = { ...lower };
  for (const [key, value] of Object.entries(upper)) {
    const below = lower[key];
    laid[key] = isRecord(below) && isRecord(value) ? over(below, value) : value;
  }
  return laid;
}

/** "file:line" of a key, or of the nearest group around it that the file has. */
function placeOf(document: Document, lines: LineCounter, path: readonly string[], file: string): string {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const group = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    if (!isMap(group)) continue;
    const pair = group.items.find(({ key }) => isScalar(key) && String(key.value) === path[depth - 1]);
    const key = pair?.key;
    if (isScalar(key) && !isCollection(key) && key.range != null) {
      return `${file}:${lines.linePos(key.range[0]).line}`;
    }
  }
  return file;
}
