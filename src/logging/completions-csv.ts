/**
 * A table of completions for each step that shows some, in the columns of TRL's: step, prompt, completion, a column a
 * reward, advantage, image; and the verdict, which TRL does not have. A prompt is the instruction, a completion the
 * thought where there is one.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { writeFileAtomically } from "../runs/atomic-write.ts";
import type { LoggedGroup, Stage } from "../runs/event.ts";
import type { LoggerContext, RunLogger } from "./run-logger.ts";

export function completionsCsv({ folder, images }: LoggerContext): RunLogger {
  /** Of the step that is going on. */
  let groups: LoggedGroup[] = [];
  return {
    event(event) {
      if (event.kind === "group-logged") groups.push(event.group);
      if (event.kind !== "step-end" || groups.length === 0) return;
      const place = join(folder, "completions");
      mkdirSync(place, { recursive: true });
      writeFileAtomically(join(place, fileName(event)), table(event.step, groups, images));
      groups = [];
    },
  };
}

function fileName({ stage, step }: { readonly stage: Stage; readonly step: number }): string {
  return `${stage}_completions_${String(step).padStart(5, "0")}.csv`;
}

function table(step: number, groups: readonly LoggedGroup[], images: string): string {
  const parts = [
    ...new Set(
      groups.flatMap(({ completions }) =>
        completions.flatMap(({ subscores = {} }) => Object.keys(subscores)),
      ),
    ),
  ];
  const header = ["step", "prompt", "completion", "reward", ...parts, "advantage", "image", "verdict"];
  const rows = groups.flatMap(({ instruction, completions }) =>
    completions.map(({ thought, reward, subscores = {}, advantage, image, verdict }) => [
      step,
      instruction,
      thought,
      reward,
      ...parts.map((part) => subscores[part]),
      advantage,
      image === undefined ? undefined : join(images, image),
      verdict,
    ]),
  );
  return [header, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** RFC 4180. */
function cell(value: string | number | undefined): string {
  const text = value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
