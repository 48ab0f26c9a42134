/**
 * Some held-out edits of a run as one PNG, for a README: source | instruction | target | one picture an arm. Rows are
 * taken by turns from the edit types in the logged order, so the picture cannot be chosen by how well it looks.
 */

import sharp, { type OverlayOptions } from "sharp";
import { DataError } from "../../src/errors.ts";
import { writeFileAtomically } from "../../src/runs/atomic-write.ts";
import { byTurns, outcome } from "../../src/report/comparison-grid.ts";
import { html, type Html } from "../../src/report/html.ts";
import { comparisons, readRun, type Comparison } from "../../src/report/read-run.ts";

export interface ComparisonPngOptions {
  /** Edits shown; 6 when absent. */
  readonly rows?: number;
}

const SIDE = 128;
const GAP = 24;
const HEAD = 44;
const ROW = SIDE + 44;
const TEXT_WIDTH = 210;
const LETTERS_A_LINE = 26;
const INK = { right: "#16793b", wrong: "#b3261e", failed: "#b3261e", plain: "#5a616b" } as const;
const FONT = "DejaVu Sans, Liberation Sans, Helvetica, Arial, sans-serif";

/** Words in lines of at most `width` letters; a longer word stands alone. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const joined = `${lines.at(-1) ?? ""} ${word}`.trim();
    if (lines.length > 0 && joined.length <= width) lines[lines.length - 1] = joined;
    else lines.push(word);
  }
  return lines;
}

/** Left edges: source, instruction, then target and the arms. */
function columnLeft(column: number): number {
  if (column === 0) return GAP;
  if (column === 1) return GAP + SIDE + GAP;
  return GAP + SIDE + GAP + TEXT_WIDTH + GAP + (column - 2) * (SIDE + GAP);
}

function label(column: number, y: number, text: string, ink: string = INK.plain): Html {
  return html`<text x="${columnLeft(column)}" y="${y}" font-size="15" fill="${ink}">${text}</text>`;
}

function rowMarkup(row: Comparison, index: number): Html {
  const top = HEAD + index * ROW;
  const lines = wrapped(row.instruction, LETTERS_A_LINE).slice(0, 5);
  return html`
    <text x="${columnLeft(1)}" y="${top + 14}" font-size="13" fill="${INK.plain}">${row.task}</text>
    ${lines.map(
      (line, place) =>
        html`<text x="${columnLeft(1)}" y="${top + 38 + place * 20}" font-size="15" fill="#1b1d21"
          >${line}</text
        >`,
    )}
    ${row.arms.map((arm, place) => {
      const { kind, text } = outcome(arm);
      const ink = INK[kind as keyof typeof INK];
      const frame = html`<rect
        x="${columnLeft(3 + place) - 3}"
        y="${top - 3}"
        width="${SIDE + 6}"
        height="${SIDE + 6}"
        fill="none"
        stroke="${ink}"
        stroke-width="2"
      />`;
      const words = kind === "failed" ? "no picture" : text;
      return html`${kind !== "right" && kind !== "plain" && frame}
      ${label(3 + place, top + SIDE + 22, words, ink)}`;
    })}
  `;
}

async function pictureAt(path: string | undefined, left: number, top: number): Promise<OverlayOptions[]> {
  if (path === undefined) return [];
  const { width, height } = await sharp(path).metadata();
  const kernel = Math.max(width, height) <= SIDE ? "nearest" : "lanczos3";
  const input = await sharp(path)
    .resize(SIDE, SIDE, { kernel, fit: "contain", background: "#ffffff" })
    .png()
    .toBuffer();
  return [{ input, left, top }];
}

/**
 * Writes the picture to `path`, whole or not at all. Throws DataError where the run logged no comparison or one of
 * its pictures cannot be read.
 */
export async function writeComparisonPng(
  runDirectory: string | readonly string[],
  path: string,
  options: ComparisonPngOptions = {},
): Promise<void> {
  const run = await readRun(typeof runDirectory === "string" ? [runDirectory] : runDirectory);
  const rows = byTurns(comparisons(run)).slice(0, options.rows ?? 6);
  const [first] = rows;
  if (first === undefined) {
    throw new DataError(`${run.names.join(", ")} logged no comparison, so there is no picture to make.`, {
      hint: "Comparisons are logged when a run evaluates held-out edits at its end.",
    });
  }
  const arms = first.arms.map((arm) => arm.arm);
  const width = columnLeft(3 + arms.length);
  const height = HEAD + rows.length * ROW;
  const heads = ["source", "instruction", "target", ...arms];
  const svg = html`<svg
    xmlns="http://www.w3.org/2000/svg"
    width="${width}"
    height="${height}"
    font-family="${FONT}"
  >
    <rect width="${width}" height="${height}" fill="#ffffff" />
    ${heads.map((head, column) => label(column, 26, head))} ${rows.map(rowMarkup)}
  </svg>`;
  const pictures = rows.flatMap((row, index) => {
    const top = HEAD + index * ROW;
    const paths = [row.source, undefined, row.target, ...row.arms.map((arm) => arm.image)];
    return paths.map((file, column) => pictureAt(file, columnLeft(column), top));
  });
  const overlays = await Promise.all(pictures).catch((cause: unknown) => {
    throw new DataError(`A picture of ${run.names.join(", ")} cannot be read.`, {
      hint: "Check that the run's images/ folder was copied whole.",
      cause,
    });
  });
  const png = await sharp(Buffer.from(svg.markup))
    .composite(overlays.flat())
    .png({ palette: true })
    .toBuffer();
  writeFileAtomically(path, png);
}
