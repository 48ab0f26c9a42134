/** Development only: a module of the page as JavaScript. The package holds the page compiled and leaves this file unused. */

import ts from "typescript";

const compiled = new Map<string, string>();

/** Types are taken away and JSX becomes calls; what is imported keeps its name, which the server answers to. */
export function compilePageModule(source: string, file: string): string {
  const known = compiled.get(source);
  if (known !== undefined) return known;
  const { outputText } = ts.transpileModule(source, {
    fileName: file,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      jsx: ts.JsxEmit.ReactJSX,
      jsxImportSource: "preact",
      verbatimModuleSyntax: true,
    },
  });
  compiled.set(source, outputText);
  return outputText;
}
