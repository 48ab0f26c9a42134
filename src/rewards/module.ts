/** The reward `module`: a function of the user's own, in a file of JavaScript or TypeScript. */

import { readFile } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { z } from "zod";
import type { Variant } from "../config/choice.ts";
import { path as filePath } from "../config/ranges.ts";
import { ConfigError } from "../errors.ts";
import { hashOf } from "../judge/prompts.ts";
import { onAbort, reasonOf } from "../judge/abort.ts";
import type { JudgeVerdict } from "../judge/verdict.ts";
import { isScoreName } from "../runs/metrics.ts";
import { judgedReward } from "./judged-reward.ts";
import { TOTAL } from "./named-scores.ts";
import type { DecodedEdit, EditNeed, Reward, ScoreOptions } from "./reward.ts";

/** What a file exports: a score, or a verdict with subscores and reasons. One that throws is a failed verdict. */
export type RewardFunction = (
  edit: DecodedEdit,
  options: ScoreOptions,
) => number | JudgeVerdict | Promise<number | JudgeVerdict>;

const TYPESCRIPT = new Set([".ts", ".mts", ".cts"]);
const UNBOUNDED = [-Infinity, Infinity] as const;

const options = z.strictObject({
  path: filePath.describe(
    "File that exports one function, (edit, { signal }) → score; its name is the reward's.",
  ),
});

/** The kind `module`. */
export const MODULE: Variant<unknown, Promise<Reward>, typeof options> = {
  about: "A function of your own, in a file of JavaScript or TypeScript, sync or async.",
  options,
  open: async ({ path }) => {
    const exported = await load(path);
    const [name, score] = theFunction(exported, path);
    return judgedReward({
      name,
      needs: needsOf(exported["needs"], path),
      range: rangeOf(exported["range"], path),
      provenance: { path, sha256: hashOf([await readFile(path, "utf8")]) },
      judge: async (edit, signal) => verdictOf(await unlessStopped(score(edit, { signal }), signal)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};

type Exports = Readonly<Record<string, unknown>>;

/** Node does from 22.18 on; before, a checkout's tsx does, which an installed package has not. */
const readsTypeScript = Boolean((process.features as { readonly typescript?: unknown }).typescript);

async function load(path: string): Promise<Exports> {
  const { href } = pathToFileURL(resolve(path));
  try {
    if (!TYPESCRIPT.has(extname(path)) || readsTypeScript)
      return namedExports((await import(href)) as Exports);
    const { tsImport } = await import("tsx/esm/api");
    return namedExports((await tsImport(href, import.meta.url)) as Exports);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`The reward's file ${path} cannot be loaded (${reason}).`, {
      hint: reason.includes("'tsx'")
        ? "Node reads TypeScript from 22.18 on; with this one write the reward in JavaScript."
        : "Paths are taken from the folder in which earl is started.",
      cause,
    });
  }
}

/** A file without a package.json beside it counts as CommonJS, whose exports lie within the default one, even twice. */
function namedExports(loaded: Exports): Exports {
  const inner = loaded["default"];
  return typeof inner === "object" && inner !== null ? namedExports(inner as Exports) : loaded;
}

/** The one function of a file, named by its export, by itself, or by the file. */
function theFunction(exported: Exports, path: string): [name: string, score: RewardFunction] {
  const functions = Object.entries(exported).filter(([, value]) => typeof value === "function");
  const [only, ...others] = new Map(functions.map(([name, value]) => [value, name]));
  if (only === undefined || others.length > 0) {
    throw new ConfigError(`${path} exports ${functions.length} functions; a reward's file exports one.`, {
      hint: "Export one function, (edit, { signal }) => number, and keep the others to the file.",
    });
  }
  const [score, exportedAs] = only as [RewardFunction, string];
  const own = exportedAs === "default" ? score.name : exportedAs;
  // Whoever compiles a file names the function that the file does not.
  const name =
    own === "" || /(?:^|_)default$/.test(own) ? basename(path, extname(path)).replaceAll(/\s+/g, "-") : own;
  if (isScoreName(name) && !name.includes("/") && name !== TOTAL) return [name, score];
  throw new ConfigError(`"${name}" in ${path} cannot be the name of a reward in metrics.`, {
    hint: `Give it another one; "${TOTAL}" is the name of the whole.`,
  });
}

function needsOf(exported: unknown, path: string): readonly EditNeed[] {
  const needs = z
    .array(z.enum(["target", "mask"]))
    .optional()
    .safeParse(exported);
  if (needs.success) return needs.data ?? [];
  throw new ConfigError(`${path} exports needs that are none.`, {
    hint: 'What a reward may need is ["target"], ["mask"] or both.',
  });
}

function rangeOf(exported: unknown, path: string): readonly [number, number] {
  const range = z.tuple([z.number(), z.number()]).readonly().optional().safeParse(exported);
  if (range.success && (range.data === undefined || range.data[0] < range.data[1]))
    return range.data ?? UNBOUNDED;
  throw new ConfigError(`${path} exports a range that is none.`, {
    hint: "A range is the least score and the greatest: export const range = [0, 1].",
  });
}

/** A function that ignores its signal must not hold up whoever wants to stop. */
async function unlessStopped<Given>(given: Given | Promise<Given>, signal: AbortSignal): Promise<Given> {
  let forget = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    forget = onAbort(signal, () => reject(reasonOf(signal)));
  });
  try {
    return await Promise.race([given, stopped]);
  } finally {
    forget();
  }
}

const reason = z.string();
const Given = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("scored"),
    score: z.number(),
    subscores: z.record(z.string().refine(isScoreName), z.number()).default({}),
    reasoning: reason.exactOptional(),
  }),
  z.object({ kind: z.enum(["unparsable", "unreachable"]), reason }),
]);

/** What a user's function gives is not always what its type says. */
function verdictOf(given: unknown): JudgeVerdict {
  const verdict = Given.safeParse(typeof given === "number" ? { kind: "scored", score: given } : given);
  if (verdict.success) return verdict.data;
  return {
    kind: "unparsable",
    reason: `the function gave ${inspect(given).slice(0, 160)}, which is no score`,
  };
}
