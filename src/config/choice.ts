/**
 * A section whose settings depend on its `kind`: a table names each kind, what it is and which options it has. The
 * table lies in the room of what is chosen, the options beside the implementation; this file knows neither.
 */

import { z } from "zod";

import { isRecord } from "./raw-settings.ts";

/** One kind of a choice. `open` gets the chosen settings, checked, `kind` and common ones included. */
export interface Variant<Context = never, Opened = unknown, Options extends z.ZodObject = z.ZodObject> {
  /** What it is, in one sentence, for the docs. */
  readonly about: string;
  readonly options: Options;
  // A method, so that an entry may ask for its own options where the table promises only some.
  open(options: z.output<Options>, context: Context): Opened;
}

/** The part of a variant that settings are made of; a table of openers is one of these. */
export type Described = Pick<Variant, "about" | "options">;
type Table = Readonly<Record<string, Described>>;

/** Any choice as far as every choice is alike: what a variant that holds others, opened elsewhere, sees of them. */
export interface AnyChoice {
  readonly kind: string;
  readonly [option: string]: unknown;
}

/** Without a shape of its own, a choice has no common settings. */
type OutputOf<Common extends z.ZodRawShape> = string extends keyof Common
  ? unknown
  : z.output<z.ZodObject<Common>>;
/** zod gives an object without settings a type that forbids every key, `kind` too. */
type Own<Options> = Options extends Record<string, never> ? unknown : Options;
type Flat<T> = { [Key in keyof T]: T[Key] };

/** The checked settings of a choice: a union told apart by `kind`. */
export type Choice<T extends Table, Common extends z.ZodRawShape = z.ZodRawShape> = {
  [Kind in keyof T & string]: Flat<{ kind: Kind } & OutputOf<Common> & Own<z.output<T[Kind]["options"]>>>;
}[keyof T & string];

export interface ChoiceOptions<T extends Table, Common extends z.ZodRawShape> {
  /** The kind where the config names none; without it `kind` must be given. */
  readonly standard?: keyof T & string;
  /** Settings that every kind has. */
  readonly common?: Common;
}

/** What the explaining half of this room knows about a choice. */
export interface ChoiceRecord {
  readonly standard: string | undefined;
  readonly common: ReadonlySet<string>;
  /** By kind, in the order of the table; the schema has `kind` and the common settings too. */
  readonly variants: ReadonlyMap<string, { readonly about: string; readonly schema: z.ZodObject }>;
}

// A registry finds the record of a schema's described copies too. Its types would go through all of a record's.
const choices = z.registry<{ readonly record: unknown }>();

/** The record of a schema that `choiceOf` made, described or not; undefined for any other. */
export function choiceRecordOf(schema: z.core.$ZodType): ChoiceRecord | undefined {
  return choices.get(schema)?.record as ChoiceRecord | undefined;
}

/**
 * The schema of a choice between the kinds of a table. A variant that holds further choices of the same table refers
 * to this schema by `z.lazy`.
 */
export function choiceOf<T extends Table, Common extends z.ZodRawShape = z.ZodRawShape>(
  table: T,
  { standard, common }: ChoiceOptions<T, Common> = {},
): z.ZodType<Choice<T, Common>, Readonly<Record<string, unknown>>> {
  const shared: z.ZodRawShape = common ?? {};
  const variants = new Map(
    Object.entries(table).map(([kind, { about, options }]) => {
      const schema = variantSchema({ kind, about, options, isStandard: kind === standard }, shared);
      return [kind, { about, schema }] as const;
    }),
  );
  const [first, ...others] = [...variants.values()].map(({ schema }) => schema);
  if (first === undefined) throw new Error("A choice needs at least one kind.");
  const union = z.discriminatedUnion("kind", [first, ...others]);
  const schema = z.preprocess(
    (raw) => (isRecord(raw) && raw["kind"] === undefined ? { ...raw, kind: standard } : raw),
    union,
  );
  const record: ChoiceRecord = { standard, common: new Set(Object.keys(shared)), variants };
  choices.add(schema, { record });
  // The union is built from a table that TypeScript sees only by its keys.
  return schema as unknown as z.ZodType<Choice<T, Common>, Readonly<Record<string, unknown>>>;
}

interface NamedVariant extends Described {
  readonly kind: string;
  readonly isStandard: boolean;
}

function variantSchema(
  { kind, about, options, isStandard }: NamedVariant,
  common: z.ZodRawShape,
): z.ZodObject {
  const twice = Object.keys(options.shape).find((key) => key === "kind" || Object.hasOwn(common, key));
  if (twice !== undefined) throw new Error(`The kind "${kind}" declares "${twice}", which every kind has.`);
  const tag = z.literal(kind);
  const shape = { kind: isStandard ? tag.default(kind) : tag, ...options.shape, ...common };
  // A spread shape leaves behind what `refine` had added.
  const checks = (options.def.checks ?? []) as unknown as readonly z.core.$ZodCheck<unknown>[];
  return z
    .strictObject(shape)
    .check(...checks)
    .describe(about);
}

/** Opens what was chosen. */
export function openChoice<Context, Opened>(
  table: Readonly<Record<string, Variant<Context, Opened>>>,
  choice: { readonly kind: string },
  context: Context,
): Opened {
  const variant = table[choice.kind];
  if (variant === undefined) throw new Error(`There is no kind "${choice.kind}".`);
  return variant.open(choice, context);
}
