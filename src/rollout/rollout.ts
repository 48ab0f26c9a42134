/**
 * One batch of groups, sampled and scored: prompts → completions → code grids → pictures → verdicts. A group goes to
 * the judge the moment its last completion is there, while the engine generates the next ones, so a slow judge and a
 * busy engine do not wait for each other.
 */

import type { Completion, PolicyEngine, Sampling } from "../engine/policy-engine.ts";
import { EngineError } from "../errors.ts";
import type { Picture } from "../images/picture.ts";
import type { Reward, ScoredEdit } from "../rewards/reward.ts";
import type { Tokens } from "../tokens/sequence.ts";
import type { CodeGrid, VisionTokenizer } from "../tokens/vision-tokenizer.ts";
import type { PreparedEdit } from "../edits/prepared-edit.ts";
import { readCompletion, type ReadResult } from "./read-completion.ts";
import type { ScoredGroup } from "./scored-group.ts";

export interface RolloutParts {
  readonly engine: PolicyEngine;
  readonly tokens: Tokens;
  readonly vision: VisionTokenizer;
  readonly reward: Reward;
}

/**
 * Samples `sampling.groupSize` completions of every edit and scores them; groups come back in the order of the edits.
 * The same seed gives the same groups. Throws EngineError where the engine leaves completions out.
 */
export async function rollout(
  parts: RolloutParts,
  edits: readonly PreparedEdit[],
  sampling: Sampling,
  seed: number,
): Promise<ScoredGroup[]> {
  const collected = edits.map((edit) => ({ edit, completions: [] as Completion[] }));
  const scored = new Map<number, Promise<ScoredGroup>>();
  const prompts = edits.map((edit) => edit.prompt);
  for await (const completion of parts.engine.generate(prompts, sampling, seed)) {
    const group = collected[completion.prompt];
    group?.completions.push(completion);
    if (group?.completions.length !== sampling.groupSize) continue;
    const scoring = scoreGroup(parts, group.edit, group.completions);
    // Awaited below; until then a rejection has a listener and does not end the process.
    scoring.catch(() => {});
    scored.set(completion.prompt, scoring);
  }
  if (scored.size !== edits.length) {
    throw new EngineError(`The engine completed ${scored.size} of ${edits.length} groups.`);
  }
  return Promise.all(edits.map((_, index) => scored.get(index)!));
}

async function scoreGroup(
  parts: RolloutParts,
  edit: PreparedEdit,
  unordered: readonly Completion[],
): Promise<ScoredGroup> {
  const completions = unordered.toSorted((left, right) => left.index - right.index);
  const pictures = await readPictures(parts, edit, completions);
  const verdicts = await parts.reward.score(pictures.map((read) => scoredEdit(edit, read)));
  return {
    edit,
    completions: completions.map(({ ids, logprobs, isFinished }, index) => {
      const read = pictures[index]!;
      return {
        ids,
        logprobs,
        isFinished,
        ...(read.picture === undefined ? {} : { picture: read.picture }),
        ...(read.kind === "picture" && read.thought !== undefined ? { thought: read.thought } : {}),
        verdict: verdicts[index]!,
        isExact: read.kind === "picture" && isTarget(edit, read.codes),
      };
    }),
  };
}

type ReadPicture = ReadResult & { readonly picture?: Picture };

/** Reads every completion, and decodes in one call all those that hold a picture. */
async function readPictures(
  parts: RolloutParts,
  edit: PreparedEdit,
  completions: readonly Completion[],
): Promise<ReadPicture[]> {
  const reads = completions.map((completion) => readCompletion(parts.tokens, edit.prompt, completion));
  const grids = reads.flatMap((read) => (read.kind === "picture" ? [read.codes] : []));
  const decoded = (await parts.vision.decode(grids))[Symbol.iterator]();
  return reads.map((read) => {
    if (read.kind === "unreadable") return read;
    const picture = decoded.next().value;
    return picture === undefined ? read : { ...read, picture };
  });
}

function scoredEdit(edit: PreparedEdit, read: ReadPicture): ScoredEdit {
  return {
    exampleId: edit.id,
    instruction: edit.instruction,
    source: edit.source,
    ...(edit.target === undefined ? {} : { target: edit.target }),
    ...(read.picture === undefined
      ? { problem: read.kind === "unreadable" ? read.problem : "no picture could be decoded" }
      : { edited: read.picture }),
  };
}

/** True where every code is the target's. */
export function isTarget(edit: PreparedEdit, codes: CodeGrid): boolean {
  return edit.targetCodes !== undefined && isSameGrid(codes, edit.targetCodes);
}

function isSameGrid(left: CodeGrid, right: CodeGrid): boolean {
  return (
    left.rows === right.rows &&
    left.columns === right.columns &&
    left.codes.every((code, index) => code === right.codes[index])
  );
}
