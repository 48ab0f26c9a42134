/**
 * A schema as a tree that can be asked: which settings a group has, which kinds a choice, what a list holds. Docs,
 * overrides and messages all read it. Nodes are made when they are asked for, so a schema may hold itself.
 */

import { z } from "zod";

import { choiceRecordOf, type ChoiceRecord } from "./choice.ts";
import { entryOf, isIndex } from "./raw-settings.ts";

export type SettingNode = Leaf | Group | List | ChoiceNode;

export interface Leaf {
  readonly shape: "leaf";
  /** "integer", "number", "text", "true or false", or the values to choose from. */
  readonly type: string;
  /** "≥ 1", "0 … 1", "> 0"; "" where any value of the type will do. */
  readonly range: string;
}

export interface Group {
  readonly shape: "group";
  readonly members: ReadonlyMap<string, Member>;
}

export interface List {
  readonly shape: "list";
  readonly entry: Member;
}

export interface ChoiceNode {
  readonly shape: "choice";
  readonly standard: string | undefined;
  /** Names of the settings that every kind has, without `kind`. */
  readonly common: ReadonlySet<string>;
  readonly variants: ReadonlyMap<string, VariantNode>;
}

export interface VariantNode {
  readonly about: string;
  /** With `kind` and the common ones. */
  readonly members: ReadonlyMap<string, Member>;
}

/** A node where it stands. */
export interface Member {
  readonly node: SettingNode;
  readonly about: string;
  readonly isRequired: boolean;
  /** As it would be written in a config; undefined where there is none. */
  readonly standard: unknown;
  readonly schema: z.core.$ZodType;
}

/** The tree of a schema, from its root. */
export function settingTree(schema: z.core.$ZodType): Member {
  let inner = schema;
  let about = "";
  let isRequired = true;
  let standard: unknown;
  for (;;) {
    if (about === "") about = z.globalRegistry.get(inner)?.description ?? "";
    if (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
      standard ??= inner.def.defaultValue;
      isRequired = false;
    }
    if (inner instanceof z.ZodOptional) isRequired = false;
    const wrapped = innerOf(inner);
    if (wrapped === undefined) break;
    inner = wrapped;
  }
  return { node: nodeOf(inner), about, isRequired, standard, schema };
}

/** What a wrapper is around; undefined for a schema that stands for itself. */
function innerOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  // A choice is a pipe too, and stands for itself.
  if (choiceRecordOf(schema) !== undefined) return undefined;
  if (schema instanceof z.ZodLazy) return schema.def.getter();
  if (schema instanceof z.ZodPipe) return schema.in instanceof z.ZodTransform ? schema.out : schema.in;
  const isWrapper =
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodReadonly;
  return isWrapper ? schema.def.innerType : undefined;
}

/** A schema that holds itself is one node, however it is reached. */
const nodes = new WeakMap<z.core.$ZodType, SettingNode>();

function nodeOf(schema: z.core.$ZodType): SettingNode {
  const known = nodes.get(schema);
  if (known !== undefined) return known;
  const node = makeNode(schema);
  nodes.set(schema, node);
  return node;
}

function makeNode(schema: z.core.$ZodType): SettingNode {
  const choice = choiceRecordOf(schema);
  if (choice !== undefined) return choiceNode(choice);
  if (schema instanceof z.ZodObject) {
    const members = once(() => membersOf(schema));
    return {
      shape: "group",
      get members() {
        return members();
      },
    };
  }
  if (schema instanceof z.ZodArray) {
    const entry = once(() => settingTree(schema.element));
    return {
      shape: "list",
      get entry() {
        return entry();
      },
    };
  }
  return leafOf(schema);
}

function choiceNode({ standard, common, variants }: ChoiceRecord): ChoiceNode {
  const made = once(
    () =>
      new Map(
        [...variants].map(
          ([kind, { about, schema }]) => [kind, { about, members: membersOf(schema) }] as const,
        ),
      ),
  );
  return {
    shape: "choice",
    standard,
    common,
    get variants() {
      return made();
    },
  };
}

function membersOf(schema: z.ZodObject): Map<string, Member> {
  return new Map(Object.entries(schema.shape).map(([name, inner]) => [name, settingTree(inner)]));
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

const JsonLeaf = z.looseObject({
  type: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  prefixItems: z.array(z.unknown()).optional(),
  additionalProperties: z.unknown().optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMaximum: z.number().optional(),
});
type JsonLeaf = z.infer<typeof JsonLeaf>;

function leafOf(schema: z.core.$ZodType): Leaf {
  const json = JsonLeaf.parse(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));
  return { shape: "leaf", type: typeOf(json), range: rangeOf(json) };
}

function typeOf(json: JsonLeaf): string {
  if (json.const !== undefined) return wordOf(json.const);
  if (json.enum !== undefined) return json.enum.map(wordOf).join(" | ");
  if (json.anyOf !== undefined) return json.anyOf.map((one) => typeOf(JsonLeaf.parse(one))).join(" | ");
  if (json.prefixItems !== undefined) {
    return `[${json.prefixItems.map((one) => typeOf(JsonLeaf.parse(one))).join(", ")}]`;
  }
  if (json.type === "object") {
    const value = JsonLeaf.safeParse(json.additionalProperties);
    return value.success ? `${typeOf(value.data)} by name` : "group";
  }
  return { string: "text", boolean: "true or false" }[json.type ?? ""] ?? json.type ?? "any";
}

/** A value to choose, as it would be typed. */
function wordOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function rangeOf({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: JsonLeaf): string {
  // z.int() declares the safe integers as its range, which says nothing to a reader.
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const least = minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum;
  if (least !== undefined && most !== undefined) return `${least} … ${most}`;
  const bounds = [
    least === undefined ? "" : `≥ ${least}`,
    exclusiveMinimum === undefined ? "" : `> ${exclusiveMinimum}`,
    most === undefined ? "" : `≤ ${most}`,
    exclusiveMaximum === undefined ? "" : `< ${exclusiveMaximum}`,
  ];
  return bounds.filter((bound) => bound !== "").join(" and ");
}

/** The settings that may stand in a group as it is written: those of its kind, where it is a choice. */
export function membersAt(node: SettingNode, raw: unknown): ReadonlyMap<string, Member> {
  if (node.shape === "group") return node.members;
  if (node.shape !== "choice") return new Map();
  const kind = entryOf(raw, "kind") ?? node.standard;
  return (typeof kind === "string" ? node.variants.get(kind)?.members : undefined) ?? new Map();
}

/** The setting at a path through a config as it is written; undefined where the path leaves the schema. */
export function memberAt(root: Member, path: readonly string[], raw: unknown): Member | undefined {
  let member: Member | undefined = root;
  let value = raw;
  for (const name of path) {
    if (member === undefined) return undefined;
    if (member.node.shape === "list") member = isIndex(name) ? member.node.entry : undefined;
    else member = membersAt(member.node, value).get(name);
    value = entryOf(value, name);
  }
  return member;
}
