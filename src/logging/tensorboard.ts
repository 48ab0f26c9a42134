/**
 * Event files for TensorBoard, a folder a stage: metrics as scalars under their own names, and pictures of held-out edits
 * and of the first group that a step shows.
 */

import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { LoggedCompletion, RunEvent, Stage } from "../runs/event.ts";
import type { LoggerContext, RunLogger } from "./run-logger.ts";
import { FILE_VERSION, tfRecord, type SummaryValue, type TfEvent } from "./tfevents.ts";

const RGB = 3;

export function tensorboard({ folder, images }: LoggerContext): RunLogger {
  const files = new Map<Stage, string>();
  /** Steps whose first group is logged already. */
  const shown = new Set<string>();

  const write = (event: Extract<RunEvent, { stage: Stage; step: number }>, value: SummaryValue[]): void => {
    if (value.length === 0) return;
    const { stage, step, time, attempt } = event;
    let file = files.get(stage);
    const records: TfEvent[] = [];
    if (file === undefined) {
      file = join(folder, "tensorboard", stage, `events.out.tfevents.${fileTime(time)}.earl.${attempt}`);
      mkdirSync(join(file, ".."), { recursive: true });
      files.set(stage, file);
      records.push({ wallTime: time / 1000, fileVersion: FILE_VERSION });
      records.push({ wallTime: time / 1000, step, sessionLog: { status: 1 } });
    }
    records.push({ wallTime: time / 1000, step, summary: { value } });
    appendFileSync(file, Buffer.concat(records.map(tfRecord)));
  };

  const pictureOf = (tag: string, { image }: Pick<LoggedCompletion, "image">): SummaryValue[] => {
    if (image === undefined) return [];
    const path = join(images, image);
    const bytes = existsSync(path) ? readFileSync(path) : undefined;
    const size = bytes === undefined ? undefined : pngSize(bytes);
    if (bytes === undefined || size === undefined) return [];
    return [{ tag, image: { ...size, colorspace: RGB, encodedImageString: bytes } }];
  };

  return {
    event(event) {
      if (event.kind === "step-end" || event.kind === "evaluation-end") {
        const values = Object.entries(event.metrics).map(([tag, simpleValue]) => ({ tag, simpleValue }));
        write(event, values);
      } else if (event.kind === "held-out-logged") {
        const { exampleId, completions } = event.group;
        write(
          event,
          completions.slice(0, 1).flatMap((one) => pictureOf(`held-out/${exampleId}`, one)),
        );
      } else if (event.kind === "group-logged") {
        const key = `${event.stage} ${event.step}`;
        if (shown.has(key)) return;
        shown.add(key);
        const { completions, source, target } = event.group;
        write(event, [
          ...pictureOf("group/source", { image: source }),
          ...(target === undefined ? [] : pictureOf("group/target", { image: target })),
          ...completions.flatMap((one, at) => pictureOf(`group/completion-${at + 1}`, one)),
        ]);
      }
    },
  };
}

/** Seconds since 1970: TensorBoard reads files in the order of their names. */
const fileTime = (time: number): string => String(Math.floor(time / 1000)).padStart(10, "0");

/** Width and height from a PNG's first chunk; undefined for another format. */
function pngSize(bytes: Uint8Array): { width: number; height: number } | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < 24 || view.readUInt32BE(0) !== 0x89504e47) return undefined;
  return { width: view.readUInt32BE(16), height: view.readUInt32BE(20) };
}
