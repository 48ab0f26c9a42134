/**
 * A config file and its overrides as a checked config. All faults are reported at once, each with the line or
 * flag it comes from, and a mistyped key with the one that was probably meant.
 */

import { ConfigError } from "../errors.ts";
import type { Declaration } from "./declaration.ts";
import { describeValue, type Fault, faultsOf, oneLine } from "./faults.ts";
import { applyOverrides } from "./overrides.ts";
import { isRecord, valueAt } from "./raw-settings.ts";
import { parseYaml, readTextFile, YamlFaults, type YamlText } from "./read-yaml.ts";
import { settingTree } from "./setting-tree.ts";
import { listSettings } from "./settings.ts";

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
    text = readTextFile(file);
  } catch (cause) {
    const what = cause instanceof YamlFaults ? `: ${cause.message}` : "";
    throw new ConfigError(`Cannot read the config ${oneLine(file)}${what}.`, {
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
  const name = oneLine(file);
  const yaml = parseFile(text, name);
  const written = yaml.value ?? {};
  if (!isRecord(written)) {
    throw new ConfigError(`${name} holds ${describeValue(written)}, not settings.`, {
      hint: "Write one `key: value` a line; recipes/ holds configs to start from.",
    });
  }

  const raw = { ...(declaration.expand?.(written) ?? written) };
  const root = settingTree(declaration.schema);
  const applied = applyOverrides(root, raw, overrides);
  let faults = applied.flatMap(({ fault }) => fault ?? []);
  const parsed = declaration.schema.safeParse(raw);
  const known = { root, settings: () => listSettings(declaration), raw };
  for (const issue of parsed.error?.issues ?? []) {
    for (const fault of faultsOf(issue, known)) faults.push(fault);
  }
  faults = oneEach(faults);
  for (const fault of crossFaultsOf(declaration, raw, faults)) faults.push(fault);
  if (parsed.success && faults.length === 0) return parsed.data;

  const flags = applied.map(({ path }) => path);
  const list = faults.map(({ path, message }) => {
    const line = yaml.lineOf(path);
    const isFlag = path.length === 0 || flags.some((flag) => overlap(flag, path));
    const place = isFlag ? "--set" : line === undefined ? name : `${name}:${line}`;
    return `${place}${path.length === 0 ? "" : ` ${oneLine(path.join("."))}:`} ${oneLine(message)}`;
  });
  const count = faults.length === 1 ? "a fault" : `${faults.length} faults`;
  throw new ConfigError(`The config has ${count}:\n  ${list.join("\n  ")}`, {
    hint: "`earl config docs` shows every setting with its type and range.",
  });
}

function parseFile(text: string, file: string): YamlText {
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof YamlFaults)) throw error;
    const list = error.faults.map((fault) => `${file}:${/^\d/.test(fault) ? "" : " "}${fault}`);
    throw new ConfigError(`The config is not valid YAML:\n  ${list.join("\n  ")}`, {
      hint: "Correct the syntax; `earl config docs` shows every setting.",
    });
  }
}

/** What is wrong with a setting is said once: the first thing that is. */
function oneEach(faults: readonly Fault[]): Fault[] {
  const said = new Set<string>();
  return faults.filter(({ path }) => {
    const key = path.join(".");
    return key === "" || (!said.has(key) && said.add(key));
  });
}

/** True where one path leads to the other, or to a part of it. */
function overlap(left: readonly string[], right: readonly string[]): boolean {
  const length = Math.min(left.length, right.length);
  return length > 0 && left.slice(0, length).every((name, index) => name === right[index]);
}

/**
 * Combinations are looked for also when single settings are at fault: those are left out, or else the sections they
 * stand in, and only combinations of sound settings are reported.
 */
function crossFaultsOf<Config>(
  { schema, standIns, crossFaults }: Declaration<Config>,
  raw: Record<string, unknown>,
  faults: readonly Fault[],
): Fault[] {
  for (const depth of [Infinity, 1]) {
    const removed = faults.map(({ path }) => path.slice(0, depth));
    const sound = without(raw, removed);
    // A stand-in may belong to another kind than the config chose, so it stands in only where something is missing.
    const alone = schema.safeParse(sound);
    const parsed = alone.success ? alone : schema.safeParse(over(standIns, sound));
    if (!parsed.success) continue;
    return crossFaults(parsed.data)
      .map(({ keys, message }) => ({ paths: keys.map((key) => key.split(".")), message }))
      .filter(({ paths }) => !paths.some((path) => removed.some((gone) => overlap(gone, path))))
      .map(({ paths, message }) => ({ path: paths[0] ?? [], message }));
  }
  return [];
}

function without(
  raw: Record<string, unknown>,
  paths: readonly (readonly string[])[],
): Record<string, unknown> {
  const sound = structuredClone(raw);
  for (const path of paths) {
    const folder = valueAt(sound, path.slice(0, -1));
    if (isRecord(folder)) delete folder[path.at(-1) ?? ""];
  }
  return sound;
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
