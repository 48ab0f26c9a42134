/** What stands in a cell: words and pictures as the `datasets` library stores them. */

import type { EditExample, EncodedPicture } from "./edit-dataset.ts";

/** A text that says something, as it stands; undefined for anything else. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** An instruction without the space around it; of a list of them the first, which is the one EARL takes. */
export function instructionOf(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === "string" && first.trim() !== "" ? first.trim() : undefined;
}

/** A text, or a whole number as one: datasets name their rows by either. */
export function nameOf(value: unknown): string | undefined {
  if (typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value)))
    return String(value);
  return textOf(value);
}

/**
 * The bytes of a picture cell (`{ bytes, path }`, or bytes alone). Looks whether there are any; what they are is seen
 * when the picture is decoded.
 */
export function pictureOf(value: unknown): EncodedPicture | undefined {
  const bytes: unknown =
    typeof value === "object" && value !== null && "bytes" in value ? value.bytes : value;
  return bytes instanceof Uint8Array && bytes.length > 0 ? bytes : undefined;
}

/** Captions as an example has them; nothing where there is none. */
export function captionsOf(
  source: string | undefined,
  target: string | undefined,
  local?: string,
): Pick<EditExample, "captions"> {
  if (source === undefined && target === undefined && local === undefined) return {};
  return {
    captions: {
      ...(source !== undefined && { source }),
      ...(target !== undefined && { target }),
      ...(local !== undefined && { local }),
    },
  };
}
