/** A how-to page as a newcomer follows it: the files that it has written, and the lines that it has added. */

import { readFileSync } from "node:fs";

/** A fenced block whose first line names a file: ```ts src/rewards/brightness.ts */
export interface PageFile {
  readonly path: string;
  readonly content: string;
}

/** A fenced block of lines to add, as a diff: what is there already stands before and after each. */
export interface PageChange {
  readonly path: string;
  /** Each addition with the line of the file that it comes after. */
  readonly additions: readonly { readonly after: string; readonly line: string }[];
}

export interface Page {
  readonly files: readonly PageFile[];
  readonly changes: readonly PageChange[];
  /** Commands that the page has run, one a line: ```sh check */
  readonly commands: readonly string[];
}

const BLOCK = /^```(\w+) (\S+)\n(.*?)^```$/gmsu;

export function readPage(path: string): Page {
  const blocks = [...readFileSync(path, "utf8").matchAll(BLOCK)].map(([, language, place, body]) => ({
    language,
    place: place ?? "",
    body: body ?? "",
  }));
  return {
    files: blocks
      .filter(({ language }) => language === "ts")
      .map(({ place, body }) => ({ path: place, content: body })),
    changes: blocks
      .filter(({ language }) => language === "diff")
      .map(({ place, body }) => ({ path: place, additions: additionsOf(body) })),
    commands: blocks
      .filter(({ language, place }) => language === "sh" && place === "check")
      .flatMap(({ body }) => body.trim().split("\n")),
  };
}

function additionsOf(diff: string): PageChange["additions"] {
  const additions: { after: string; line: string }[] = [];
  let after = "";
  for (const line of diff.split("\n")) {
    if (line.startsWith("+")) additions.push({ after, line: line.slice(1) });
    if (line !== "") after = line.slice(1);
  }
  return additions;
}

/** The text with the page's lines in it. Throws where a line that should be there is not, or is there twice. */
export function changed(text: string, { path, additions }: PageChange): string {
  const lines = text.split("\n");
  for (const { after, line } of additions) {
    const places = lines.flatMap((known, index) => (known === after ? [index] : []));
    if (places.length !== 1)
      throw new Error(`${path} has the line "${after}" ${places.length} times, not once.`);
    lines.splice((places[0] as number) + 1, 0, line);
  }
  return lines.join("\n");
}
