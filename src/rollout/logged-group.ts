/** Whole groups for the report: every completion's picture with its reward and advantage. */

import { encodePng } from "../images/png.ts";
import type { Picture } from "../images/picture.ts";
import type { LoggedCompletion, LoggedGroup } from "../runs/event.ts";
import type { Recorder } from "../runs/recorder.ts";
import { rewardOf, type ScoredCompletion, type ScoredGroup } from "./scored-group.ts";

/** Saves a picture under the run's images/; returns its file name there. */
export function savePicture(recorder: Recorder, shown: Picture): string {
  return recorder.saveImage(encodePng(shown));
}

/** One completion as it is shown; its picture is saved. */
export function loggedCompletion(
  recorder: Recorder,
  completion: ScoredCompletion,
  advantage?: number,
): LoggedCompletion {
  const { picture, thought, verdict, isExact } = completion;
  const reward = rewardOf(completion);
  return {
    ...(picture === undefined ? {} : { image: savePicture(recorder, picture) }),
    ...(reward === undefined ? {} : { reward }),
    ...(advantage === undefined ? {} : { advantage }),
    isExact,
    ...(verdict.kind === "scored" ? {} : { problem: verdict.reason }),
    ...(thought === undefined ? {} : { thought }),
  };
}

/** A whole group as it is shown; its pictures are saved. */
export function loggedGroup(
  recorder: Recorder,
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
