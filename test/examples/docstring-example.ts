/**
 * Finds the `@example` blocks of a source file and turns each into code that can run. In a block,
 * `expression; // => value` claims that the expression equals the value, and
 * `expression; // => throws ShapeError` that it throws that error. Other statements set the scene.
 */

import { posix } from "node:path";

import ts from "typescript";

export interface DocstringExample {
  /** Path of the file from the repository root, and the line of the `@example`. */
  readonly path: string;
  readonly line: number;
  /** The block's code, without the docstring's stars and fences. */
  readonly code: string;
}

export interface Claim {
  /** What was written before the arrow. */
  readonly expression: string;
  readonly actual: unknown;
  /** What was written after the arrow, evaluated; an error's name where it says `throws`. */
  readonly expected: unknown;
}

/** Modules by the path an example imports them from. */
export type Load = (path: string) => Promise<Record<string, unknown>>;

const ARROW = /^\/\/ =>\s*(.+)$/;

/** All examples of one file, in order. */
export function examplesOf(path: string, text: string): DocstringExample[] {
  return [...text.matchAll(/\/\*\*.*?\*\//gs)].flatMap((docstring) =>
    [...docstring[0].matchAll(/@example\b(.*?)(?=\n\s*\* @|\*\/)/gs)].map((block) => ({
      path,
      line: text.slice(0, docstring.index + block.index).split("\n").length,
      code: (block[1] ?? "")
        .split("\n")
        .map((line) => line.replace(/^\s*\* ?/, ""))
        .filter((line) => !line.startsWith("```"))
        .join("\n")
        .trim(),
    })),
  );
}

/** Runs an example with its own file's exports in scope; imports in it are relative to that file. */
export async function runExample(example: DocstringExample, load: Load): Promise<Claim[]> {
  const tree = ts.createSourceFile("example.ts", example.code, ts.ScriptTarget.Latest, true);
  const scope: Record<string, unknown> = { ...(await load(example.path)) };
  const claims: Claim[] = [];
  scope["claim"] = async (expression: string, run: () => unknown, expected: () => unknown) => {
    claims.push({ expression, actual: await run(), expected: expected() });
  };
  scope["claimThrows"] = async (expression: string, run: () => unknown, expected: string) => {
    claims.push({ expression, actual: await thrownBy(run), expected });
  };
  const lines: string[] = [];
  for (const statement of tree.statements) {
    if (ts.isImportDeclaration(statement)) Object.assign(scope, await imported(statement, example, load));
    else lines.push(claimed(statement, example.code));
  }
  const body = ts.transpile(lines.join("\n"), { target: ts.ScriptTarget.ES2023 });
  await new AsyncFunction(...Object.keys(scope), body)(...Object.values(scope));
  return claims;
}

/** The arrows an example writes, to be compared with the claims that came out of it. */
export function arrowsIn(example: DocstringExample): number {
  return example.code.split("// =>").length - 1;
}

type Runnable = (...values: readonly unknown[]) => Promise<void>;
const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as new (
  ...code: readonly string[]
) => Runnable;

/** The names an import statement of an example brings in. */
async function imported(
  statement: ts.ImportDeclaration,
  example: DocstringExample,
  load: Load,
): Promise<Record<string, unknown>> {
  const specifier = statement.moduleSpecifier.getText().slice(1, -1);
  const module = await load(posix.join(posix.dirname(example.path), specifier));
  const names = statement.importClause?.namedBindings;
  if (names === undefined || !ts.isNamedImports(names)) {
    throw new SyntaxError(`${example.path}:${example.line}: examples import by name only.`);
  }
  return Object.fromEntries(names.elements.map((name) => [name.name.text, module[name.name.text]]));
}

/** A statement, or the call that records a claim where an arrow follows it on its last line. */
function claimed(statement: ts.Statement, code: string): string {
  const written = statement.getText();
  const rest = code.slice(statement.end).split("\n", 1)[0]?.trim() ?? "";
  const expected = ARROW.exec(rest)?.[1];
  if (expected === undefined || !ts.isExpressionStatement(statement)) return written;
  const expression = statement.expression.getText();
  const run = `async () => (${expression})`;
  const error = /^throws (\w+)$/.exec(expected)?.[1];
  return error === undefined
    ? `await claim(${JSON.stringify(expression)}, ${run}, () => (${expected}));`
    : `await claimThrows(${JSON.stringify(expression)}, ${run}, ${JSON.stringify(error)});`;
}

async function thrownBy(run: () => unknown): Promise<string> {
  try {
    await run();
    return "nothing";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}
