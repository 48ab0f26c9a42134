/** Where Something-Something's lists lie: their names differ between the original and the current release. */

import { stat } from "node:fs/promises";
import { join } from "node:path";

import type { DatasetSplit } from "../edit-dataset.ts";
import { NoSplit } from "../split-files.ts";

const FOLDERS = ["", "labels", "annotations"];
const PREFIXES = ["", "something-something-v2-"];

/** Throws NoSplit where there is none. */
export async function labelsOf(directory: string, split: DatasetSplit): Promise<string> {
  for (const folder of FOLDERS) {
    for (const prefix of PREFIXES) {
      const path = join(directory, folder, `${prefix}${split}.json`);
      if ((await stat(path).catch(() => undefined))?.isFile() === true) return path;
    }
  }
  throw new NoSplit(`${directory} has no ${split}.json with clips and their labels.`, {
    hint: "Unpack the labels beside the clips, in data.directory or its folder labels.",
  });
}
