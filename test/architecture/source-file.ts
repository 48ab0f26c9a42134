/**
 * A source file as the architecture rules see it: where it lies, what it imports, how long its code is and which
 * globals it touches. Comments and strings do not count, so a rule never trips over prose.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

import ts from "typescript";

export interface SourceFile {
  /** From the repository root, with slashes: "src/tokens/grammar.ts". */
  readonly path: string;
  /** Paths of the project's own files it imports, types included. */
  readonly imports: readonly string[];
  /** Lines that hold code; blank and comment-only lines do not count. */
  readonly codeLines: number;
  /** Globals that make a run depend on more than its seed and settings, as written: "Date", "process.env". */
  readonly globals: readonly string[];
}

/** Parses one file's text; `path` is from the repository root. */
export function parseSource(path: string, text: string): SourceFile {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const imports = ts
    .preProcessFile(text, true, true)
    .importedFiles.map((imported) => imported.fileName)
    .filter((name) => name.startsWith("."))
    .map((name) => posix.join(posix.dirname(path), name));
  return { path, imports, codeLines: countCodeLines(tree, text), globals: findGlobals(tree) };
}

/** Every TypeScript file below `folder`, which is given from `root`. */
export function readSources(root: string, folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .toSorted()
    .map((name) => posix.join(folder, name.replaceAll("\\", "/")))
    .map((path) => parseSource(path, readFileSync(join(root, path), "utf8")));
}

/** Tests and contract suites may reach up for what they build their cases with. */
export function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.endsWith(".contract.ts");
}

function countCodeLines(tree: ts.SourceFile, text: string): number {
  const lines = new Set<number>();
  const visit = (node: ts.Node): void => {
    const children = node.getChildren(tree).filter((child) => !ts.isJSDoc(child));
    if (children.length > 0) children.forEach(visit);
    else if (node.getWidth(tree) > 0) {
      const first = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line;
      const last = tree.getLineAndCharacterOfPosition(node.getEnd()).line;
      for (let line = first; line <= last; line += 1) lines.add(line);
    }
  };
  if (text.trim() !== "") visit(tree);
  return lines.size;
}

function findGlobals(tree: ts.SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
      const written = `${node.expression.text}.${node.name.text}`;
      if (written === "Math.random" || written === "process.env") found.push(written);
      if (node.expression.text === "console" || node.expression.text === "Date") found.push(written);
    }
    if (ts.isNewExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === "Date") {
      found.push("new Date");
    }
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === "Date") {
      found.push("Date()");
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}
