/**
 * The prompts that the authors of VIEScore published, from a folder of their text files, for scores that compare with
 * papers. They are not shipped with earl: https://github.com/TIGER-AI-Lab/VIEScore has them in viescore/prompts_raw.
 */

import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ConfigError } from "../errors.ts";
import { withoutControlTokens } from "./as-data.ts";
import { hashOf, type VieScorePrompts } from "./prompts.ts";

/** In the order in which each question puts them together. */
const FILES = {
  semantic: ["context_no_delimit.txt", "two_image_edit_rule.txt", "tie_rule_SC.txt"],
  quality: ["context_no_delimit.txt", "rule_PQ.txt"],
} as const;

const SOURCE =
  "Give the folder viescore/prompts_raw of https://github.com/TIGER-AI-Lab/VIEScore, or a copy of it.";
const PLACEHOLDER = "<instruction>";
/** The folder of the prompts that show no example, which the paper and EARL use. */
const ZERO_SHOT = "prompts_0shot";

/** Reads the files, wherever below the folder they lie. Throws ConfigError that names what is missing. */
export async function publishedPrompts(directory: string): Promise<VieScorePrompts> {
  const paths = await textFiles(directory);
  const semantic = await joined(directory, paths, FILES.semantic);
  const quality = await joined(directory, paths, FILES.quality);
  const [before, after] = semantic.split(PLACEHOLDER);
  if (before === undefined || after === undefined) {
    throw new ConfigError(`The prompts in ${directory} have no place for the instruction (${PLACEHOLDER}).`, {
      hint: SOURCE,
    });
  }
  return {
    sha256: hashOf([semantic, quality]),
    semantic: (instruction) => semantic.replaceAll(PLACEHOLDER, () => withoutControlTokens(instruction)),
    quality,
    schema: undefined,
  };
}

async function textFiles(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory, { recursive: true });
    return names.filter((name) => name.endsWith(".txt")).toSorted();
  } catch (cause) {
    throw new ConfigError(`The folder of prompts ${directory} cannot be read.`, { hint: SOURCE, cause });
  }
}

/** The files' texts, a line break between them, as the published script puts them together. */
async function joined(
  directory: string,
  paths: readonly string[],
  names: readonly string[],
): Promise<string> {
  const texts: string[] = [];
  for (const name of names) {
    const found = paths.filter((path) => basename(path) === name);
    const path = found.find((one) => basename(dirname(one)) === ZERO_SHOT) ?? found[0];
    if (path === undefined) {
      throw new ConfigError(`The folder of prompts ${directory} lacks ${name}.`, { hint: SOURCE });
    }
    texts.push(await readFile(join(directory, path), "utf8"));
  }
  return texts.join("\n");
}
