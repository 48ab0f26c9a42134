/**
 * What the EARL paper reports (arXiv 2508.01119v3, tables 2 and 3): mean VIEScore O by gpt-4o-mini on its six benchmarks,
 * and how its protocol was set (section 4 and its code's evaluation).
 */

import { EARL_KINDS } from "./benchmark-settings.ts";

export interface PaperRow {
  readonly arm: string;
  /** By kind of benchmark, in EARL_KINDS' order. */
  readonly scores: readonly number[];
  readonly average: number;
}

export const PAPER_SOURCE = "EARL, arXiv 2508.01119v3, tables 2 and 3";

const row = (arm: string, average: number, ...scores: number[]): PaperRow => ({ arm, average, scores });

/** The columns of the paper's tables: OmniEdit, EmuEdit, AURORA, MagicBrush, VisMin, I2EBench. */
export const PAPER_ROWS: readonly PaperRow[] = [
  row("MagicBrush (SD 1.5)", 3.32, 3.43, 3.28, 3.01, 3.64, 3.48, 3.06),
  row("InstructPix2Pix", 3.26, 3.97, 3.24, 3.05, 3.12, 2.94, 3.23),
  row("Aurora", 4.17, 4.5, 4.4, 4.12, 4.62, 3.82, 3.58),
  row("EditAR", 4.2, 5.29, 3.88, 3.79, 3.84, 4.54, 3.84),
  row("OmniGen", 4.7, 5.68, 5.0, 4.1, 4.68, 4.09, 4.68),
  row("SFT (S)", 3.88, 5.73, 3.66, 3.58, 3.19, 3.57, 3.59),
  row("SFT (S) → RL (S+C)", 4.57, 6.33, 4.28, 3.99, 4.26, 4.48, 4.08),
  row("EARL", 4.8, 6.39, 4.47, 4.27, 4.52, 4.93, 4.19),
];

/** What the paper's arm scores on a kind of benchmark; undefined where it has no such column. */
export function paperScore({ scores }: PaperRow, kind: string): number | undefined {
  return scores[EARL_KINDS.indexOf(kind)];
}

/** Settings of the paper's protocol that a policy's edits are drawn with. */
const DRAWN = { temperature: 1, topK: 2048, topP: 1, guidance: 1 } as const;
const JUDGE = /^viescore by gpt-4o-mini/;

export interface Protocol {
  readonly judge: string | undefined;
  /** Whether the judge is asked with the words that VIEScore's authors published, and its text is read. */
  readonly usesPublishedPrompts: boolean;
  readonly scoring: string;
  readonly judgedAt: string;
  readonly seeds: readonly number[];
  readonly samples: number;
  readonly recipe: Readonly<Record<string, unknown>> | undefined;
  readonly pictureless: number;
}

/** In what a measurement differs from the paper's, in sentences; none where in nothing that is known. */
export function differencesFromPaper(protocol: Protocol): string[] {
  const { judge, usesPublishedPrompts, scoring, judgedAt, seeds, samples, recipe, pictureless } = protocol;
  const found: string[] = [];
  const judgeName = (judge ?? "nobody").replace(/^viescore by /, "");
  if (judge === undefined || !JUDGE.test(judge)) found.push(`judged by ${judgeName}, not by gpt-4o-mini`);
  if (!usesPublishedPrompts)
    found.push("the judge is asked in earl's words, not those of VIEScore's authors");
  if (scoring !== "text") found.push(`scores are read as ${scoring}, not as the numbers written`);
  if (judgedAt !== "area")
    found.push(`pictures are judged at the size of the ${judgedAt}, not at 65,536 pixels`);
  if (recipe === undefined) found.push("how the edits were made is not known");
  else {
    for (const [key, value] of Object.entries(DRAWN)) {
      const own = recipe[key];
      if (own !== undefined && own !== value) found.push(`${key} ${JSON.stringify(own)}, not ${value}`);
    }
  }
  if (samples * seeds.length > 1) found.push(`${samples * seeds.length} draws a row are averaged, not one`);
  if (pictureless > 0)
    found.push(`${pictureless} edits without a picture are left out; the paper judges a white one`);
  return found;
}
