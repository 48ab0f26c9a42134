/** Writes a benchmark's results into a run: the edits side by side, and the table. */

import { loggedCompletion, savePicture } from "../rollout/logged-group.ts";
import type { Recorder } from "../runs/recorder.ts";
import type { BenchmarkResults } from "./evaluate-benchmark.ts";

/** Records every comparison that was kept, then the table. */
export function recordBenchmark(
  recorder: Pick<Recorder, "record" | "saveImage">,
  { benchmark, measures, results, comparisons }: BenchmarkResults,
): void {
  for (const { edit, arms } of comparisons) {
    const { id, task, instruction, source, target } = edit;
    recorder.record({
      kind: "comparison-logged",
      benchmark,
      exampleId: id,
      task,
      instruction,
      source: savePicture(recorder, source),
      ...(target !== undefined && { target: savePicture(recorder, target) }),
      arms: arms.map(({ arm, completion }) => ({ arm, ...loggedCompletion(recorder, completion) })),
    });
  }
  recorder.record({ kind: "arms-evaluated", measures, results });
}
