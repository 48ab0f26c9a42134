/**
 * The files of the page: its own modules, compiled ahead in the package and on the way when earl runs from its source,
 * and the libraries that these import. There is nothing to build.
 */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

/** True when this very file is TypeScript: the page's modules then are, too. */
const IS_SOURCE = import.meta.filename.endsWith(".ts");

/** Names that the page's modules import, and the files behind them. */
const LIBRARIES: Readonly<Record<string, () => string>> = {
  preact: () => require.resolve("preact"),
  "preact/hooks": () => require.resolve("preact/hooks"),
  "preact/jsx-runtime": () => require.resolve("preact/jsx-runtime"),
  uplot: () => join(dirname(require.resolve("uplot/package.json")), "dist", "uPlot.esm.js"),
};
const UPLOT_STYLE = (): string =>
  join(dirname(require.resolve("uplot/package.json")), "dist", "uPlot.min.css");

const libraryFile = (name: string): string => `${name.replace("/", "-")}.js`;

/** Where the page finds what it imports. Names alone are no addresses to a browser. */
export const IMPORT_MAP = JSON.stringify({
  imports: Object.fromEntries(Object.keys(LIBRARIES).map((name) => [name, `/library/${libraryFile(name)}`])),
});

/** Module that the page begins with. */
export const ENTRY = IS_SOURCE ? "/page/main.tsx" : "/page/main.js";

export interface PageFile {
  readonly type: "text/javascript" | "text/css";
  readonly content: string;
}

/** A library by the name of its file; undefined where the page has none of that name. */
export async function libraryFileOf(file: string): Promise<PageFile | undefined> {
  if (file === "uplot.css") return { type: "text/css", content: await readFile(UPLOT_STYLE(), "utf8") };
  const name = Object.keys(LIBRARIES).find((one) => libraryFile(one) === file);
  if (name === undefined) return undefined;
  return { type: "text/javascript", content: await readFile(LIBRARIES[name]!(), "utf8") };
}

/** A module or style of the page itself. */
export async function pageFileOf(file: string): Promise<PageFile | undefined> {
  if (!/^[a-z-]+\.(?:tsx?|js|css)$/.test(file)) return undefined;
  let content: string;
  try {
    content = await readFile(join(import.meta.dirname, "page", file), "utf8");
  } catch {
    return undefined;
  }
  if (file.endsWith(".css")) return { type: "text/css", content };
  if (!IS_SOURCE) return { type: "text/javascript", content };
  const { compilePageModule } = await import("./compile-page-module.ts");
  return { type: "text/javascript", content: compilePageModule(content, file) };
}
