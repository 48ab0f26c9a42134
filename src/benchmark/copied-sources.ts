/** The arm that does nothing: each source handed back as it is. What it scores, an edit has to beat. */

import { relative, join } from "node:path";

import { writeFileAtomically } from "../runs/atomic-write.ts";
import { makeFolders } from "../runs/writable-place.ts";
import { wantedItems } from "./arm-edits.ts";
import { idsHash, type BenchmarkInputs } from "./benchmark-inputs.ts";
import { EDITS_FILE, writeEditsAbout } from "./edits-folder.ts";
import { COPY_ARM } from "./named-arms.ts";

/** Writes its edits, which point to the inputs, and returns their folder. */
export function copySources(out: string, inputs: BenchmarkInputs, size?: number): string {
  const folder = join(out, COPY_ARM, inputs.about.name);
  const items = wantedItems(inputs, size);
  makeFolders(folder);
  const lines = items.map(({ id, source }) =>
    JSON.stringify({ id, seed: 0, sample: 0, edited: relative(folder, join(inputs.folder, source)) }),
  );
  writeFileAtomically(join(folder, EDITS_FILE), `${lines.join("\n")}\n`);
  writeEditsAbout(folder, {
    version: 1,
    arm: COPY_ARM,
    benchmark: inputs.about.name,
    items: items.length,
    ids: idsHash(items),
    seeds: [0],
    samples: 1,
    recipe: {},
  });
  return folder;
}
