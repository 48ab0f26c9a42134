/** The schema as a flat list of settings: dotted key, type, range, default and meaning, for docs and for messages. */

import { z } from "zod";

import type { Declaration } from "./declaration.ts";

const Node = z.looseObject({
  type: z.string().optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.string()).optional(),
  items: z.looseObject({ enum: z.array(z.string()).optional() }).optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  required: z.array(z.string()).default([]),
  properties: z.record(z.string(), z.unknown()).optional(),
});

/** What the machinery needs of a declaration to explain its settings. */
export type Declared = Pick<Declaration<unknown>, "schema" | "title">;

export interface Setting {
  /** Dotted, e.g. "grpo.loss.klCoef". */
  readonly key: string;
  /** "integer", "number", "text", "true or false", or the choices. */
  readonly type: string;
  /** "≥ 1", "0 … 1", "> 0"; "" where any value of the type will do. */
  readonly range: string;
  /** Absent where the setting must be given, or has no value unless it is. */
  readonly default: unknown;
  readonly isRequired: boolean;
  readonly about: string;
}

/** JSON schema of a config file, for editors. */
export function configJsonSchema({ schema, title }: Declared): Record<string, unknown> {
  return { ...z.toJSONSchema(schema, { io: "input" }), title };
}

/** Every setting, in the order of the schema. */
export function listSettings(declaration: Declared): Setting[] {
  return settingsOf(configJsonSchema(declaration), "", false);
}

function settingsOf(schema: unknown, key: string, isRequired: boolean): Setting[] {
  const node = Node.parse(schema);
  if (node.properties !== undefined) {
    return Object.entries(node.properties).flatMap(([name, inner]) =>
      settingsOf(inner, key === "" ? name : `${key}.${name}`, node.required.includes(name)),
    );
  }
  const { description, default: standard } = node;
  const range = rangeOf(node);
  return [{ key, type: typeOf(node), range, default: standard, isRequired, about: description ?? "" }];
}

function typeOf(node: z.infer<typeof Node>): string {
  if (node.items?.enum !== undefined) return `list of ${node.items.enum.join(" \\| ")}`;
  if (node.enum !== undefined) return node.enum.join(" \\| ");
  return { string: "text", boolean: "true or false" }[node.type ?? ""] ?? node.type ?? "any";
}

function rangeOf(node: z.infer<typeof Node>): string {
  const { minimum, exclusiveMinimum, maximum } = node;
  // z.int() declares the safe integers as its range, which says nothing to a reader.
  const top = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (minimum !== undefined && top !== undefined) return `${minimum} … ${top}`;
  if (minimum !== undefined) return `≥ ${minimum}`;
  if (exclusiveMinimum !== undefined) return `> ${exclusiveMinimum}`;
  return "";
}
