/** Settings as YAML gives them, before anything is checked. */

/** True for a group of settings. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What lies at a path of groups and lists; undefined where there is nothing. */
export function valueAt(raw: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(entryOf, raw);
}

/** The entry of a group or list. A name that only the language gives to every object is not one. */
export function entryOf(folder: unknown, name: string): unknown {
  if (Array.isArray(folder)) return isIndex(name) ? folder[Number(name)] : undefined;
  return isRecord(folder) && Object.hasOwn(folder, name) ? folder[name] : undefined;
}

/** True for a list's index as it is written in a key: "0", "12". */
export function isIndex(name: string): boolean {
  return /^(?:0|[1-9]\d{0,5})$/.test(name);
}

/** Names that mean the object itself to JavaScript; no setting may be called so. */
export function isReserved(name: string): boolean {
  return name === "__proto__" || name === "constructor" || name === "prototype";
}
