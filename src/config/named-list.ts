/** Lists of choices whose entries are told apart by name: metrics and tables carry these names. */

import { z } from "zod";

import type { AnyChoice } from "./choice.ts";

/** An entry as far as its name goes: what it is called, or else its kind. */
type Named = AnyChoice & { readonly name?: string | undefined };

/** The name that an entry goes by. */
export function nameOf({ name, kind }: Named): string {
  return name ?? kind;
}

/** At least one entry, no two of one name. */
export function namedList<T extends z.ZodType<Named>>(entry: T): z.ZodArray<T> {
  return z
    .array(entry)
    .min(1)
    .check(({ value, issues }) => {
      const names = value.map(nameOf);
      for (const [index, name] of names.entries()) {
        if (names.indexOf(name) === index) continue;
        issues.push({
          code: "custom",
          input: value,
          path: [index, "name"],
          message: `"${name}" is the name of an earlier entry; give this one a name of its own`,
        });
      }
    });
}
