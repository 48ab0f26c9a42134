/** Settings for `earl benchmark all` on the rows that tests have of every published benchmark. */

import { join } from "node:path";

import { CLIP, DINO, writeRecordedLayouts } from "./recorded-layouts.ts";

/** In the order of the tables. */
export const ROW_KINDS = [
  "omniedit",
  "emuedit",
  "aurora",
  "magicbrush",
  "vismin",
  "i2ebench",
  "gedit-en",
  "gedit-cn",
];

/** Writes the layouts below the folder; the judge at the address scores and answers questions. */
export function rowSettings(folder: string, url: string): object {
  const layouts = writeRecordedLayouts(join(folder, "published"));
  const judge = { model: "looking", endpoints: [{ url }], cache: { directory: join(folder, "cache") } };
  return {
    benchmarks: ROW_KINDS.map((kind) => ({ kind, directory: layouts[kind] })),
    reading: { area: 64 },
    instruments: { clip: CLIP, dino: DINO, questions: judge },
    rewards: [{ kind: "viescore", ...judge }],
  };
}
