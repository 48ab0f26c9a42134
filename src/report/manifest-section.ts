/**
 * What makes the run repeatable: its manifest and configuration, folded away. Both are trees of any shape; nested
 * parts become dotted keys, so a reader finds a setting under the name that `--set` takes.
 */

import { html, type Html } from "./html.ts";
import type { RunDocument, RunRecord } from "./read-run.ts";

const TITLES: Readonly<Record<string, string>> = {
  "manifest.json": "Manifest",
  "config.yaml": "Configuration",
};

function isBranch(value: unknown): value is Record<string, unknown> | unknown[] {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

function leafText(value: unknown): string {
  if (typeof value === "string") return value;
  return JSON.stringify(value) ?? "—";
}

/** A tree as [dotted key, text] rows; short lists of plain values stay on one row. */
export function flattened(value: unknown, prefix = ""): [string, string][] {
  if (!isBranch(value)) return [[prefix, leafText(value)]];
  if (Array.isArray(value) && value.every((entry) => !isBranch(entry))) {
    return [[prefix, value.map(leafText).join(", ")]];
  }
  return Object.entries(value).flatMap(([key, entry]) =>
    flattened(entry, prefix === "" ? key : `${prefix}.${key}`),
  );
}

/** The top-level parts of a tree: plain values together first, then each branch under its own name. */
export function parts(content: Record<string, unknown>): { title: string; rows: [string, string][] }[] {
  const entries = Object.entries(content);
  const plain = entries
    .filter(([, value]) => !isBranch(value))
    .map(([key, value]): [string, string] => [key, leafText(value)]);
  const branches = entries
    .filter(([, value]) => isBranch(value))
    .map(([title, value]) => ({ title, rows: flattened(value) }));
  return [...(plain.length > 0 ? [{ title: "", rows: plain }] : []), ...branches];
}

function partTable({ title, rows }: { title: string; rows: [string, string][] }): Html {
  return html`${title !== "" && html`<h4>${title}</h4>`}
    <table class="tree">
      <tbody>
        ${rows.map(([key, value]) =>
          key === ""
            ? html`<tr>
                <td colspan="2">${value}</td>
              </tr>`
            : html`<tr>
                <th scope="row">${key}</th>
                <td>${value}</td>
              </tr>`,
        )}
      </tbody>
    </table>`;
}

function documentView(document: RunDocument, isOneOfMany: boolean): Html {
  const { content } = document;
  const isTree = typeof content === "object" && content !== null && !Array.isArray(content);
  const body = isTree
    ? parts(content as Record<string, unknown>).map(partTable)
    : html`<pre>${typeof content === "string" ? content : JSON.stringify(content, null, 2)}</pre>`;
  return html`<details class="document">
    <summary>
      ${TITLES[document.file] ?? document.file}${isOneOfMany && html` <span class="muted">${document.run}</span>`}
    </summary>
    <div class="parts">${body}</div>
  </details>`;
}

/** Manifest and configuration of every run, undefined where there is neither. */
export function manifestSection(run: RunRecord): Html | undefined {
  if (run.documents.length === 0) return undefined;
  const isOneOfMany = new Set(run.documents.map((document) => document.run)).size > 1;
  return html`<section id="manifest">
    <h2>Manifest and configuration</h2>
    ${run.documents.map((document) => documentView(document, isOneOfMany))}
  </section>`;
}
