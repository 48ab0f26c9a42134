import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { afterAll, expect, test } from "vitest";

import { partsOf, readPaper } from "./paper.ts";

const folder = mkdtempSync(join(tmpdir(), "earl-paper-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

test("parts hold all of a text, none too long, each beginning with the end of the one before", () => {
  const words = fc.array(fc.constantFrom("word", "a", "😀😀", "longer-than-most", ".", "\n", "\n\n"), {
    maxLength: 400,
  });
  fc.assert(
    fc.property(words, fc.integer({ min: 40, max: 500 }), (pieces, most) => {
      const text = pieces.join(" ");
      const parts = partsOf(text, most);
      let whole = "";
      for (const part of parts) {
        expect(part.length).toBeLessThanOrEqual(most);
        // Half of a character would throw here.
        expect(() => encodeURIComponent(part)).not.toThrow();
        // It goes on from what is there already, with some of its end or none.
        const shared = Array.from({ length: part.length + 1 }, (_, end) => end).findLast(
          (end) => whole.endsWith(part.slice(0, end)) && text.startsWith(whole + part.slice(end)),
        );
        expect(shared).toBeDefined();
        whole += part.slice(shared);
      }
      expect(whole).toBe(text);
    }),
    {
      numRuns: 200,
      // A word that is longer than what parts share: what came after it was once lost.
      examples: [
        [["word", "longer-than-most", "\n\n", "longer-than-most", "word"], 40],
        [[".", "longer-than-most", "word", "word", "longer-than-most", "word"], 44],
      ],
    },
  );
});

test("parts end where a paragraph does", () => {
  const paragraph = `${"Some words of a sentence. ".repeat(10)}\n\n`;
  const [first] = partsOf(paragraph.repeat(10), 1000);
  expect(first).toBe(paragraph.repeat(3));
});

test("a paper is read with any line ends, and named after its file", () => {
  const paper = readPaper(file("a paper.v2.txt", "\uFEFFOne line\r\nand another\r"));
  expect([paper.id, paper.text]).toEqual(["a paper.v2", "One line\nand another\n"]);
});

test.each([
  ["a PDF", "paper.pdf", "%PDF-1.7", "pdftotext"],
  ["something else", "paper.docx", "PK", "neither .txt nor .md"],
  ["nothing", "empty.txt", " \n", "no words"],
  ["another encoding", "latin.txt", new Uint8Array([0x4d, 0xfc, 0x6c]), "not UTF-8"],
  ["binary data", "binary.txt", "a\0b", "no text"],
])("%s is refused", (_, name, content, says) => {
  const path = file(name, content);
  let said = "";
  try {
    readPaper(path);
  } catch (error) {
    said = `${(error as Error).message} ${(error as { hint?: string }).hint}`;
  }
  expect(said).toContain(says);
  expect(said).toContain(name);
});

test("a file that is missing is named, and so is a folder", () => {
  expect(() => readPaper(join(folder, "none.txt"))).toThrow("none.txt cannot be read");
  expect(() => readPaper(folder)).toThrow("cannot be read");
});
