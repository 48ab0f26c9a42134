/**
 * In which settings a saved config differs from the present one. A setting that the program did not have when the
 * config was saved differs where it is not at its default: a newer program does not make an old run another one.
 */

import { z } from "zod";

import { CheckpointError } from "../errors.ts";
import { oneLine } from "./faults.ts";
import { entryOf, isRecord } from "./raw-settings.ts";
import { parseYaml, YamlFaults } from "./read-yaml.ts";
import { membersAt, settingTree, type Member } from "./setting-tree.ts";

/** A config as a run keeps it: every setting, as they were resolved. */
export interface SavedConfig {
  /** What messages call it. */
  readonly file: string;
  readonly text: string;
}

export interface SettingDifference {
  /** Dotted: "grpo.steps", "rewards.0.weight". */
  readonly key: string;
  /** Undefined where it is not set. */
  readonly saved: unknown;
  readonly present: unknown;
}

/**
 * Every setting with two values, those of the present config first. `present` is a config that the schema made. What is
 * saved need not be sound any more: settings that the program no longer has are compared as they stand. Throws
 * CheckpointError for a file that holds no settings.
 */
export function differingSettings(
  schema: z.ZodType,
  saved: SavedConfig,
  present: object,
): SettingDifference[] {
  const before = flat(completed(settingTree(schema), savedSettings(saved)));
  const after = flat(present);
  return [...new Set([...after.keys(), ...before.keys()])]
    .map((key) => ({ key, saved: before.get(key), present: after.get(key) }))
    .filter((one) => JSON.stringify(one.saved) !== JSON.stringify(one.present));
}

function savedSettings({ file, text }: SavedConfig): Record<string, unknown> {
  const damaged = (what: string): CheckpointError =>
    new CheckpointError(`The run's config ${oneLine(file)} is damaged: ${what}.`, {
      hint: "Restore it, or start again under another `name`; checkpoints can be continued through policy.checkpoint.",
    });
  try {
    const { value } = parseYaml(text);
    if (isRecord(value)) return value;
  } catch (error) {
    if (error instanceof YamlFaults) throw damaged(error.faults[0] ?? "it is not valid YAML");
    throw error;
  }
  throw damaged("it holds no settings");
}

/** What was saved, with the defaults of what was not, as deep as the schema goes. */
function completed(member: Member, saved: unknown): unknown {
  const { node } = member;
  if (saved === undefined) return defaultOf(member);
  if (node.shape === "list" && Array.isArray(saved)) {
    return saved.map((entry) => completed(node.entry, entry));
  }
  if (!isRecord(saved)) return saved;
  const whole = { ...saved };
  for (const [name, inner] of membersAt(node, saved)) whole[name] = completed(inner, entryOf(saved, name));
  return whole;
}

/** What the schema makes of a setting that is not there; nothing where it must be, or has no value. */
function defaultOf({ schema }: Member): unknown {
  return z.safeParse(schema, undefined).data;
}

/** By dotted key, down to values, lists of values and what is empty. */
function flat(value: unknown, key = "", into = new Map<string, unknown>()): Map<string, unknown> {
  const entries =
    Array.isArray(value) && value.some(isRecord)
      ? [...value.entries()]
      : isRecord(value)
        ? // What is not set is not there: without this a record of unset options were another than an empty one.
          Object.entries(value).filter(([, inner]) => inner !== undefined)
        : [];
  if (entries.length === 0 && value !== undefined) into.set(key, value);
  for (const [name, inner] of entries) flat(inner, key === "" ? String(name) : `${key}.${name}`, into);
  return into;
}
