/** Follows every page of docs/how-to in a copy of the program, word for word, and counts what it touches. */

import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { beforeAll, expect, test } from "vitest";

import { changed, readPage, type Page } from "./how-to/page.ts";

const root = join(import.meta.dirname, "..");
const run = promisify(execFile);

/** What each page may touch: files of the program that are new, and entries in files that are there. */
const PAGES = [
  { page: "add-a-reward", created: 1, changed: 1, lines: 2 },
  { page: "add-a-dataset", created: 1, changed: 1, lines: 2 },
  { page: "add-a-benchmark", created: 1, changed: 1, lines: 2 },
  { page: "add-an-engine", created: 1, changed: 1, lines: 2 },
  { page: "add-an-op", created: 1, changed: 0, lines: 0 },
] as const;

/** The program without its history and packages, which are linked. */
function copyOfProgram(): string {
  const copy = mkdtempSync(join(tmpdir(), "earl-how-to-"));
  const tracked = execFileSync(
    "git",
    ["ls-files", "-z", "src", "test", "bench", "bin", "*.ts", "*.json", "LICENSE"],
    {
      cwd: root,
      encoding: "utf8",
    },
  );
  for (const path of tracked.split("\0").filter((name) => name !== "")) {
    cpSync(join(root, path), join(copy, path), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

function follow(page: Page, copy: string): void {
  for (const { path, content } of page.files) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    writeFileSync(join(copy, path), content);
  }
  for (const change of page.changes) {
    const path = join(copy, change.path);
    writeFileSync(path, changed(readFileSync(path, "utf8"), change));
  }
}

const isProgram = (path: string): boolean => path.startsWith("src/") && !path.endsWith(".test.ts");

const copy = copyOfProgram();
const pages = PAGES.map((counts) => ({
  ...counts,
  content: readPage(join(root, "docs", "how-to", `${counts.page}.md`)),
}));

beforeAll(() => {
  for (const { content } of pages) follow(content, copy);
});

test.each(pages.map((page) => [page.page, page] as const))(
  "%s: as few files and lines as it promises",
  (_name, { content, created, changed: touched, lines }) => {
    expect(content.files.filter(({ path }) => isProgram(path))).toHaveLength(created);
    expect(content.changes).toHaveLength(touched);
    expect(content.changes.flatMap(({ additions }) => additions)).toHaveLength(lines);
  },
);

test("what the pages add passes the type checker", async () => {
  const compiler = join(root, "node_modules/typescript-7/bin/tsc");
  await expect(run(process.execPath, [compiler, "--noEmit", "-p", copy])).resolves.toMatchObject({
    stdout: "",
  });
});

test.each(pages.map(({ page, content }) => [page, content.commands] as const))(
  "%s: its commands succeed",
  async (_name, commands) => {
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) await run("bash", ["-c", command], { cwd: copy });
  },
);
