/** Whole groups for the report: every completion's picture with its reward and advantage. */

import { encodePng } from "../images/png.ts";
import type { Picture } from "../images/picture.ts";
import type { Verdict } from "../judge/verdict.ts";
import type { LoggedCompletion, LoggedGroup } from "../runs/event.ts";
import type { Recorder } from "../runs/recorder.ts";
import type { ScoredCompletion, ScoredGroup } from "./scored-group.ts";

/** Where pictures and events of a run go. */
type Album = Pick<Recorder, "saveImage">;

/** Saves a picture under the run's images/; returns its file name there. */
export function savePicture(recorder: Album, shown: Picture): string {
  return recorder.saveImage(encodePng(shown));
}

/** One completion as it is shown; its picture is saved. */
export function loggedCompletion(
  recorder: Album,
  completion: ScoredCompletion,
  advantage?: number,
): LoggedCompletion {
  const { picture, thought, verdict, isExact } = completion;
  return {
    ...(picture !== undefined && { image: savePicture(recorder, picture) }),
    ...loggedVerdict(verdict),
    ...(advantage !== undefined && { advantage }),
    isExact,
    ...(thought !== undefined && { thought }),
  };
}

function loggedVerdict(
  verdict: Verdict,
): Pick<LoggedCompletion, "verdict" | "reward" | "subscores" | "reasoning" | "problem"> {
  if (verdict.kind !== "scored") return { verdict: verdict.kind, problem: verdict.reason };
  const { kind, score, subscores, reasoning } = verdict;
  return { verdict: kind, reward: score, subscores, ...(reasoning !== undefined && { reasoning }) };
}

/** A whole group as it is shown; its pictures are saved. */
export function loggedGroup(
  recorder: Album,
  group: ScoredGroup,
  advantages: readonly (number | undefined)[],
): LoggedGroup {
  const { id, task, instruction, source, target } = group.edit;
  return {
    exampleId: id,
    task,
    instruction,
    source: savePicture(recorder, source),
    ...(target === undefined ? {} : { target: savePicture(recorder, target) }),
    completions: group.completions.map((completion, index) =>
      loggedCompletion(recorder, completion, advantages[index]),
    ),
  };
}
