/** A dataset that is named by its files: a path, or a pattern of paths. */

import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

const PATTERN = /[*?[]/;

/**
 * The files that a path or a pattern names, sorted; undefined where it is neither, but a folder or nothing. In a pattern
 * `*` and `?` stand for characters of a name, `[abc]` for one of these, and `**` for folders.
 */
export async function namedFiles(path: string): Promise<string[] | undefined> {
  const entry = await stat(path).catch(() => undefined);
  if (entry !== undefined) return entry.isFile() ? [path] : undefined;
  if (!PATTERN.test(path)) return undefined;
  const parts = path.split(/[/\\]/);
  const found = await matches(
    path.startsWith("/") ? "/" : ".",
    parts.filter((part) => part !== ""),
  );
  return found
    .map((one) => (path.startsWith("/") || path.startsWith("./") ? one : one.replace(/^\.\//, "")))
    .toSorted();
}

/** The folder that a dataset's files are named relative to: the path itself, or what stands before its pattern. */
export async function folderNamed(path: string): Promise<string> {
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isFile() === true) return dirname(path);
  const parts = path.split("/");
  const at = entry === undefined ? parts.findIndex((part) => PATTERN.test(part)) : -1;
  return at < 0 ? path : parts.slice(0, at).join("/") || (path.startsWith("/") ? "/" : ".");
}

async function matches(folder: string, [part, ...rest]: readonly string[]): Promise<string[]> {
  if (part === undefined) return [];
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  if (part === "**") {
    found.push(...(await matches(folder, rest)));
    for (const entry of entries) {
      if (entry.isDirectory()) found.push(...(await matches(join(folder, entry.name), [part, ...rest])));
    }
    return found;
  }
  const pattern = expressionOf(part);
  for (const { name } of entries) {
    if (!pattern.test(name) || (name.startsWith(".") && !part.startsWith("."))) continue;
    const path = folder === "." ? `./${name}` : join(folder, name);
    if (rest.length > 0) found.push(...(await matches(path, rest)));
    else if ((await stat(path).catch(() => undefined))?.isFile() === true) found.push(path);
  }
  return found;
}

function expressionOf(part: string): RegExp {
  const source = part
    .replaceAll(/[.+^${}()|\\]/g, String.raw`\$&`)
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`);
}
