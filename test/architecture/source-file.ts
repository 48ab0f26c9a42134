/**
 * A source file as the architecture rules see it: where it lies, what it imports, how long its code is and what
 * it touches that has an owner. Comments and strings do not count, so a rule never trips over prose.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

import ts from "typescript";

export interface SourceFile {
  /** From the repository root, with slashes: "src/tokens/grammar.ts". */
  readonly path: string;
  /** Paths of the project's own files it imports, types included. */
  readonly imports: readonly string[];
  /** What is loaded whenever it is: own files by path, packages by name. Types and `import()` are not among it. */
  readonly loads: readonly string[];
  /** Lines that hold code; blank and comment-only lines do not count. */
  readonly codeLines: number;
  /** What only one file may touch, as written: "Date.now", "process.env", "onnxruntime-node", "new Worker". */
  readonly guarded: readonly string[];
}

/** Parses one file's text; `path` is from the repository root. */
export function parseSource(path: string, text: string): SourceFile {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const imports = ts
    .preProcessFile(text, true, true)
    .importedFiles.map((imported) => imported.fileName)
    .filter((name) => name.startsWith("."))
    .map((name) => posix.join(posix.dirname(path), name));
  const loads = findLoads(tree, path);
  return { path, imports, loads, codeLines: countCodeLines(tree, text), guarded: findGuarded(tree) };
}

/** Every TypeScript file below `folder`, which is given from `root`. */
export function readSources(root: string, folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
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

function findLoads(tree: ts.SourceFile, path: string): string[] {
  return tree.statements.flatMap((statement) => {
    const isType =
      (ts.isImportDeclaration(statement) && statement.importClause?.isTypeOnly === true) ||
      (ts.isExportDeclaration(statement) && statement.isTypeOnly);
    const name = isType ? undefined : loadedModule(statement);
    if (name === undefined || name.startsWith("node:")) return [];
    return [name.startsWith(".") ? posix.join(posix.dirname(path), name) : name];
  });
}

function findGuarded(tree: ts.SourceFile): string[] {
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
    if (ts.isNewExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === "Worker") {
      found.push("new Worker");
    }
    if (loadedModule(node) === "onnxruntime-node") found.push("onnxruntime-node");
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === "Date") {
      found.push("Date()");
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** The module that a statement or call loads or takes types from: by import, export, `import()` or `require()`. */
function loadedModule(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return textOf(node.moduleSpecifier);
  if (!ts.isCallExpression(node)) return undefined;
  const { expression } = node;
  const isImport = expression.kind === ts.SyntaxKind.ImportKeyword;
  const isRequire =
    (ts.isIdentifier(expression) && expression.text === "require") || ts.isCallExpression(expression);
  return isImport || isRequire ? textOf(node.arguments[0]) : undefined;
}

function textOf(node: ts.Expression | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteral(node) ? node.text : undefined;
}
