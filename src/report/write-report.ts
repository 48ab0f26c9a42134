/**
 * report.html: everything a run says about itself in one file that opens without a network. The page is complete
 * without script and asks for nothing from outside; its content security policy says so.
 */

import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DataError } from "../errors.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { makeFolders, requireWritableFile } from "../runs/writable-place.ts";
import { loadAlbum } from "./album.ts";
import { distinct } from "./arm-names.ts";
import { armsSection } from "./arms-table.ts";
import { comparisonPictures, comparisonSection, shownComparisons } from "./comparison-grid.ts";
import { curvesSection } from "./curves.ts";
import { groupMoments, groupPictures, groupsSection } from "./groups.ts";
import { headline } from "./headline.ts";
import { html, trusted, type Html } from "./html.ts";
import { manifestSection } from "./manifest-section.ts";
import { comparisons, readRun, type RunRecord } from "./read-run.ts";
import { SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";
import { warningsSection } from "./warnings.ts";
import { worstCases, worstCasesSection } from "./worst-cases.ts";

/** Also what a report is known by, when it is written again. */
const MARK = "Made by earl from the run";

export interface ReportRequest {
  /** Run directories whose events follow one another, for example a supervised run and the GRPO run after it. */
  readonly directories: readonly [string, ...string[]];
  /** The file to write; report.html in the last directory when absent. */
  readonly output?: string;
}

/**
 * Writes the report of a run and returns its path. The file appears whole or not at all. Throws DataError where
 * a directory holds no readable events.jsonl, or something else than a report has the file's name.
 */
export async function writeReport(request: string | ReportRequest): Promise<string> {
  const { directories, output }: ReportRequest =
    typeof request === "string" ? { directories: [request] } : request;
  const path = output ?? join(directories.at(-1) ?? directories[0], "report.html");
  requireReportPlace(path);
  const page = await reportPage(await readRun(directories));
  makeFolders(dirname(path));
  writeFileAtomically(path, page);
  return path;
}

/** Throws DataError where the report cannot be written, or would take the place of something else. */
function requireReportPlace(path: string): void {
  requireWritableFile(path);
  if (!existsSync(path) || statSync(path).size === 0 || readFileSync(path, "utf8").includes(MARK)) return;
  throw new DataError(`${path} is there already and is no report of earl.`, {
    hint: "Choose another name with --out, or move that file away.",
  });
}

/** The whole page as text. */
async function reportPage(run: RunRecord): Promise<string> {
  const logged = comparisons(run);
  const shown = shownComparisons(logged);
  const moments = groupMoments(run);
  const album = await loadAlbum([
    ...[...shown, ...worstCases(logged)].flatMap(comparisonPictures),
    ...moments.flatMap(({ groups }) => groups.flatMap(groupPictures)),
  ]);
  const sections = [
    armsSection(run),
    warningsSection(run),
    comparisonSection(shown, logged.length, album),
    curvesSection(run),
    groupsSection(moments, album),
    worstCasesSection(logged, album),
    manifestSection(run),
  ];
  return document(`${distinct(run.names).join(" → ")} · earl`, html`${headline(run)} ${sections}`).markup;
}

function document(title: string, content: Html): Html {
  const scriptHash = createHash("sha256").update(SCRIPT).digest("base64");
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${scriptHash}'`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <title>${title}</title>
        ${trusted(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <main>
          ${content}
          <footer>${MARK}'s events. One file, nothing is loaded from elsewhere.</footer>
        </main>
        ${trusted(`<script>${SCRIPT}</script>`)}
      </body>
    </html>`;
}
