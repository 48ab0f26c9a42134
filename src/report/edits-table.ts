/** Edits as rows of pictures in Markdown: what was asked, and a column for the source, the target and each arm. */

import { relative, sep } from "node:path";

import { markdownText as text } from "./markdown-text.ts";

export interface ShownEdit {
  readonly instruction: string;
  /** Each picture's column ("source", an arm) and path as a link, from the file that the table stands in. */
  readonly pictures: readonly { readonly column: string; readonly path: string }[];
}

/** An arm that made nothing of an edit leaves its cell empty. */
export function editsTable(edits: readonly ShownEdit[]): string {
  const columns = [...new Set(edits.flatMap(({ pictures }) => pictures.map(({ column }) => column)))];
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rows = edits.map(({ instruction, pictures }) => [
    text(instruction),
    ...columns.map((name) => {
      const picture = pictures.find(({ column }) => column === name);
      return picture === undefined ? "" : `![${text(`${name}: ${instruction}`)}](${picture.path})`;
    }),
  ]);
  const head = ["instruction", ...columns.map(text)];
  return [head, head.map(() => "---"), ...rows].map(line).join("\n");
}

/** The path of a picture as a link in a file of the folder. */
export function linkTo(path: string, folder: string): string {
  return relative(folder, path).split(sep).map(encodeURIComponent).join("/");
}
