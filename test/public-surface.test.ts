/** What `import … from "earl"` gives is what docs/library.md names: no more, no less. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import ts from "typescript";
import { describe, expect, test } from "vitest";

import * as surface from "../src/index.ts";

const root = join(import.meta.dirname, "..");

/** Values and types that src/index.ts exports. */
function exportedNames(): string[] {
  const text = readFileSync(join(root, "src/index.ts"), "utf8");
  const tree = ts.createSourceFile("index.ts", text, ts.ScriptTarget.Latest, true);
  return tree.statements.flatMap((statement) =>
    ts.isExportDeclaration(statement) &&
    statement.exportClause !== undefined &&
    ts.isNamedExports(statement.exportClause)
      ? statement.exportClause.elements.map(({ name }) => name.text)
      : [],
  );
}

/** Names in the first column of the page's tables, and those of the section on errors. */
function documentedNames(): string[] {
  const page = readFileSync(join(root, "docs/library.md"), "utf8");
  const rows = [...page.matchAll(/^\| (`.*?) +\|/gm)].map(([, cell]) => cell as string);
  const errors = page.slice(page.indexOf("## Errors"));
  const code = [...rows, errors].flatMap((text) => [...text.matchAll(/`(\w+)`/g)]);
  return code.map(([, name]) => name as string).filter((name) => !["message", "hint"].includes(name));
}

describe("the public surface", () => {
  test("is named whole by docs/library.md, and nothing else is", () => {
    const names = exportedNames();
    expect(names.length).toBeGreaterThan(50);
    expect(documentedNames().toSorted()).toEqual(names.toSorted());
  });

  test("holds values that are there", () => {
    const missing = Object.entries(surface).filter(([, value]) => value === undefined);
    expect(missing).toEqual([]);
    expect(surface.groupAdvantages([[1, 0]], "none")).toEqual([[0.5, -0.5]]);
  });
});
