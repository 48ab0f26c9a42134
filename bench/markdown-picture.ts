/**
 * Photographs Markdown that earl wrote as a page that renders Markdown shows it, for the docs: a card, a benchmark's tables.
 *
 *   node src/from-source.mjs bench/markdown-picture.ts runs/demo/README.md docs/cards.png [--height 1500] [--from "Results"]
 *
 * `--from` begins the picture at the heading of these words.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { marked } from "marked";
import { chromium, type Page } from "playwright-core";

const STYLE = `
  body { margin: 0; background: #fff; color: #1f2328; font: 15px/1.5 "Liberation Sans", Helvetica, Arial, sans-serif }
  main { padding: 16px 32px }
  h1, h2 { border-bottom: 1px solid #d1d9e0; padding-bottom: .3em }
  table { border-collapse: collapse; margin: 12px 0 }
  th, td { border: 1px solid #d1d9e0; padding: 4px 10px }
  td:has(> img) { padding: 4px }
  tr:nth-child(even) { background: #f6f8fa }
  code { background: #eff1f3; border-radius: 4px; padding: .1em .3em; font-size: 85% }
  pre { background: #f6f8fa; border-radius: 6px; padding: 12px; overflow: hidden }
  pre code { background: none; padding: 0 }
  img { image-rendering: pixelated; min-width: 96px }
`;

const { values, positionals } = parseArgs({
  options: {
    width: { type: "string", default: "900" },
    height: { type: "string", default: "1200" },
    from: { type: "string" },
  },
  allowPositionals: true,
});
const [file, picture] = positionals;
if (file === undefined || picture === undefined) {
  process.stderr.write(
    "usage: bench/markdown-picture.ts FILE.md PICTURE.png [--width N] [--height N] [--from HEADING]\n",
  );
  process.exitCode = 2;
} else {
  await photograph(file, picture);
}

async function photograph(markdown: string, png: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "earl-markdown-"));
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  try {
    writeFileSync(join(folder, "page.html"), await pageOf(markdown));
    const [width, height] = [Number(values.width), Number(values.height)];
    const page = await browser.newPage({ viewport: { width, height } });
    await page.goto(pathToFileURL(join(folder, "page.html")).href);
    const top = values.from === undefined ? 0 : await headingAt(page, values.from);
    const length = await page.evaluate(() => document.documentElement.scrollHeight);
    const clip = { x: 0, y: top, width, height: Math.min(height, length - top) };
    await page.screenshot({ path: png, clip, fullPage: true });
    console.log(png);
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true });
  }
}

/** Where the heading stands, in pixels from the page's top. */
async function headingAt(page: Page, words: string): Promise<number> {
  const box = await page.getByRole("heading", { name: words, exact: true }).first().boundingBox();
  if (box === null) throw new Error(`There is no heading ${words}.`);
  return Math.max(0, Math.floor(box.y) - 16);
}

/** The hub and GitHub show front matter as a table of its own: here it is left out. */
async function pageOf(markdown: string): Promise<string> {
  const text = readFileSync(markdown, "utf8").replace(/^---\n[\s\S]*?\n---\n/, "");
  const base = `${pathToFileURL(resolve(dirname(markdown))).href}/`;
  return `<!doctype html><meta charset="utf-8"><base href="${base}"><style>${STYLE}</style><main>${await marked.parse(text)}</main>`;
}
