/** Every setting of a declaration in the order of its schema, in tables as people read them, and as a JSON schema. */

import { z } from "zod";

import type { Declaration } from "./declaration.ts";
import { settingTree, type ChoiceNode, type Member, type SettingNode } from "./setting-tree.ts";

/** What this file needs of a declaration. */
export type Declared = Pick<Declaration<unknown>, "schema" | "title">;

export interface Setting {
  /** Dotted, e.g. "grpo.loss.klCoef"; "<n>" stands for the number of a list's entry, e.g. "rewards.<n>.weight". */
  readonly key: string;
  /** "integer", "number", "text", "true or false", the values to choose from, or what a list holds. */
  readonly type: string;
  /** "≥ 1", "0 … 1", "> 0"; "" where any value of the type will do. */
  readonly range: string;
  /** Absent where the setting must be given, or has no value unless it is. */
  readonly default: unknown;
  readonly isRequired: boolean;
  readonly about: string;
}

/** Settings that stand together: a group, what all kinds of a choice have, or what one of its kinds has. */
export interface SettingsTable {
  /** Of the group; "" for the outermost one. */
  readonly key: string;
  /** Set for the settings of one kind. */
  readonly kind?: string;
  /** Kinds that it belongs to, outermost first: "rewards.<n>.kind=viescore". */
  readonly within: readonly string[];
  readonly about: string;
  readonly settings: readonly Setting[];
}

/** Every table, outermost first. */
export function settingsTables({ schema }: Declared): SettingsTable[] {
  return tablesOf(settingTree(schema), { key: "", within: [] }, new Map());
}

/** Every setting, in the order of the tables. */
export function listSettings(declaration: Declared): Setting[] {
  return settingsTables(declaration).flatMap(({ settings }) => settings);
}

/** Where a group or choice was met first; a schema that holds itself is explained there alone. */
type Met = Map<SettingNode, string>;

/** Where in the schema a table stands. */
interface Place {
  readonly key: string;
  readonly within: readonly string[];
}

function tablesOf(member: Member, place: Place, met: Met): SettingsTable[] {
  const { node, about } = member;
  if (node.shape === "list") {
    const tables = tablesOf(node.entry, below(place, "<n>"), met);
    const [first, ...others] = tables;
    if (first === undefined) return [];
    return [{ ...first, about: sentences(about, first.about) }, ...others];
  }
  if (node.shape === "leaf" || met.has(node)) return [];
  met.set(node, place.key);
  if (node.shape === "choice") return choiceTables(node, { about, place }, met);
  const settings = settingsOf(node.members, place.key, met);
  const own = settings.length === 0 ? [] : [{ ...place, about, settings }];
  return [...own, ...innerTables(node.members, place, met)];
}

function choiceTables(
  node: ChoiceNode,
  { about, place }: { readonly about: string; readonly place: Place },
  met: Met,
): SettingsTable[] {
  const { key, within } = place;
  const [any] = node.variants.values();
  const shared = new Map([...(any?.members ?? [])].filter(([name]) => node.common.has(name)));
  const kind: Setting = {
    key: joined(key, "kind"),
    type: [...node.variants.keys()].join(" | "),
    range: "",
    default: node.standard,
    isRequired: node.standard === undefined,
    about: "What it is; the settings of each kind follow.",
  };
  const common = { ...place, about, settings: [kind, ...settingsOf(shared, key, met)] };
  const tables: SettingsTable[] = [common, ...innerTables(shared, place, met)];
  for (const [name, variant] of node.variants) {
    const own = new Map(
      [...variant.members].filter(([option]) => option !== "kind" && !node.common.has(option)),
    );
    const inside = { key, within: [...within, `${kind.key}=${name}`] };
    tables.push({ ...inside, kind: name, about: variant.about, settings: settingsOf(own, key, met) });
    tables.push(...innerTables(own, inside, met));
  }
  return tables;
}

function innerTables(members: ReadonlyMap<string, Member>, place: Place, met: Met): SettingsTable[] {
  return [...members].flatMap(([name, member]) => tablesOf(member, below(place, name), met));
}

function below({ key, within }: Place, name: string): Place {
  return { key: joined(key, name), within };
}

/** The members that have a row of their own: those that hold no settings themselves, and lists and choices met before. */
function settingsOf(members: ReadonlyMap<string, Member>, key: string, met: Met): Setting[] {
  return [...members].flatMap(([name, { node, about, isRequired, standard }]) => {
    const row = { key: joined(key, name), default: standard, isRequired, about };
    if (node.shape === "leaf") return [{ ...row, type: node.type, range: node.range }];
    if (node.shape === "list")
      return [{ ...row, type: `list of ${entryType(node.entry.node, met)}`, range: "" }];
    const before = met.get(node);
    return before === undefined ? [] : [{ ...row, type: `as \`${before}\``, range: "" }];
  });
}

function entryType(node: SettingNode, met: Met): string {
  if (node.shape === "leaf") return node.type;
  const before = met.get(node);
  if (before !== undefined) return `entries as \`${before}\``;
  return node.shape === "list" ? `lists of ${entryType(node.entry.node, met)}` : "entries";
}

function joined(key: string, name: string): string {
  return key === "" ? name : `${key}.${name}`;
}

function sentences(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(" ");
}

/** JSON schema of a config file, for editors. */
export function configJsonSchema({ schema, title }: Declared): Record<string, unknown> {
  const json = z.toJSONSchema(schema, {
    io: "input",
    // zod leaves out the default of what passes through a transform, as choices do; theirs is what would be written.
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema instanceof z.ZodDefault) jsonSchema.default ??= zodSchema.def.defaultValue as never;
    },
  });
  return { ...json, title };
}
