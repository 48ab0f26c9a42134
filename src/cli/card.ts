/** `earl card RUN`: a model card, written from what the run left. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { parse } from "yaml";

import { runCard } from "../card/run-card.ts";
import { DataError } from "../errors.ts";
import { byTurns } from "../report/comparison-grid.ts";
import { linkTo } from "../report/edits-table.ts";
import { readRun, resultTables, comparisons } from "../report/read-run.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { readManifest } from "../runs/manifest.ts";
import { RunDirectory } from "../runs/run-directory.ts";
import { requireWritableFile } from "../runs/writable-place.ts";
import { locateRun } from "./locate-run.ts";
import type { Surroundings } from "./surroundings.ts";

export interface CardFlags {
  readonly out?: string;
  readonly title?: string;
  readonly affiliation?: string;
  readonly licence?: string;
  readonly pictures: number;
}

/** In the front matter of every card, and in nothing else: what tells a card from somebody's own file. */
const MARK = "library_name: earl";

/** Throws DataError where something else than a card has the file's name, or the run has no manifest. */
export async function card(run: string, flags: CardFlags, { stdout }: Surroundings): Promise<void> {
  const directory = new RunDirectory(locateRun(run));
  const out = flags.out ?? join(directory.path, "README.md");
  requireWritableFile(out);
  if (existsSync(out) && !readFileSync(out, "utf8").includes(MARK)) {
    throw new DataError(`${out} is there already and is no card of earl.`, {
      hint: "Choose another name with --out, or move that file away.",
    });
  }
  const manifest = readManifest(directory.manifest);
  const record = await readRun([directory.path]);
  const edits = byTurns(comparisons(record))
    .slice(0, Math.max(0, flags.pictures))
    .map(({ instruction, source, target, arms }) => ({
      instruction,
      pictures: [
        { column: "source", path: source },
        { column: "target", path: target },
        ...arms.map(({ arm, image }) => ({ column: arm, path: image })),
      ].flatMap(({ column, path }) =>
        path === undefined ? [] : [{ column, path: linkTo(path, dirname(out)) }],
      ),
    }));
  const text = runCard({
    manifest,
    config: parse(readFileSync(directory.config, "utf8")) as Record<string, unknown>,
    tables: resultTables(record),
    edits,
    affiliation: flags.affiliation,
    licence: flags.licence,
    title: flags.title,
  });
  writeFileAtomically(out, text);
  stdout.write(`${out}\n`);
}
