/** From the completions of one prompt to verdicts: read, decode those that hold a picture, ask the reward about these. */

import type { CompletedGroup } from "../engine/policy-engine.ts";
import type { PreparedEdit } from "../edits/prepared-edit.ts";
import type { Picture } from "../images/picture.ts";
import type { JudgeVerdict } from "../judge/verdict.ts";
import { askReward } from "../rewards/ask-reward.ts";
import type { DecodedEdit, Reward } from "../rewards/reward.ts";
import type { Tokens } from "../tokens/sequence.ts";
import { isSameGrid, type CodeGrid, type VisionTokenizer } from "../tokens/vision-tokenizer.ts";
import { readCompletion, type ReadResult } from "./read-completion.ts";
import type { ScoredCompletion, ScoredGroup } from "./scored-group.ts";

export interface Scorer {
  readonly tokens: Tokens;
  readonly vision: VisionTokenizer;
  readonly reward: Reward;
}

type ReadPicture = Extract<ReadResult, { kind: "picture" }>;

/** The group with its verdicts. What holds no picture is `undecodable`, and the reward is not asked about it. */
export async function scoreGroup(
  scorer: Scorer,
  edit: PreparedEdit,
  { completions }: Pick<CompletedGroup, "completions">,
  signal: AbortSignal,
): Promise<ScoredGroup> {
  const reads = completions.map((completion) => readCompletion(scorer.tokens, edit.prompt, completion));
  const written = reads.filter((read) => read.kind === "picture");
  const judged = await judge(scorer, edit, written, signal);
  return {
    edit,
    completions: completions.map(({ ids, constraints, logprobs, isFinished }, index) => {
      const read = reads[index]!;
      return { ids, constraints, logprobs, isFinished, ...outcomeOf(edit, read, judged) };
    }),
  };
}

interface Judged {
  readonly picture: Picture;
  readonly verdict: JudgeVerdict;
}

/** Every picture, decoded in one call, with what the reward says of it. */
async function judge(
  { vision, reward }: Scorer,
  edit: PreparedEdit,
  written: readonly ReadPicture[],
  signal: AbortSignal,
): Promise<ReadonlyMap<ReadResult, Judged>> {
  if (written.length === 0) return new Map();
  const pictures = await vision.decode(written.map(({ codes }) => codes));
  const edits = pictures.map((picture) => decodedEdit(edit, picture));
  const verdicts = await askReward(reward, edits, { signal });
  return new Map(
    written.map((read, index) => [read, { picture: pictures[index]!, verdict: verdicts[index]! }]),
  );
}

function outcomeOf(
  edit: PreparedEdit,
  read: ReadResult,
  judged: ReadonlyMap<ReadResult, Judged>,
): Pick<ScoredCompletion, "picture" | "codes" | "thought" | "verdict" | "isExact"> {
  if (read.kind === "unreadable") {
    return { verdict: { kind: "undecodable", reason: read.problem }, isExact: false };
  }
  const { thought, codes } = read;
  const isExact = isTarget(edit, codes);
  return { ...judged.get(read)!, codes, ...(thought !== undefined && { thought }), isExact };
}

/** The edit as a reward sees it, with what came of it. */
export function decodedEdit(edit: PreparedEdit, edited: Picture): DecodedEdit {
  const { id, instruction, source, target } = edit;
  return { exampleId: id, instruction, source, edited, ...(target !== undefined && { target }) };
}

/** True where every code is the target's. */
export function isTarget(edit: PreparedEdit, codes: CodeGrid): boolean {
  return edit.targetCodes !== undefined && isSameGrid(codes, edit.targetCodes);
}
