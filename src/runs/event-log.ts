/**
 * events.jsonl: written line by line as a run goes, read by console, report and dashboard. A line is appended in
 * one write, so a killed process leaves at most one torn line, at the end, and readers skip it.
 */

import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";

import { z } from "zod";

import { DataError } from "../errors.ts";
import { writeFault } from "./atomic-write.ts";
import { EVENT_VERSION, LASTING, RunEvent } from "./event.ts";

/** Appends events to a file. Throws EngineError when the disk is full, after taking the torn line back. */
export class EventLog implements Disposable {
  readonly #path: string;
  readonly #descriptor: number;
  #bytes: number;

  constructor(path: string) {
    this.#path = path;
    this.#descriptor = openSync(path, "a");
    this.#bytes = fstatSync(this.#descriptor).size;
  }

  /** Length of the file in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  append(event: RunEvent): void {
    const line = Buffer.from(`${JSON.stringify(event)}\n`);
    try {
      let written = 0;
      while (written < line.length) written += writeSync(this.#descriptor, line, written);
    } catch (error) {
      try {
        this.truncate(this.#bytes);
      } catch {
        // What is wrong with the file is said below; readers skip a torn last line.
      }
      throw writeFault(error, this.#path);
    }
    this.#bytes += line.length;
  }

  /** Cuts the file back to a length it had before. */
  truncate(bytes: number): void {
    ftruncateSync(this.#descriptor, bytes);
    this.#bytes = bytes;
  }

  /** Flushes what was appended to the disk. */
  flush(): void {
    fsyncSync(this.#descriptor);
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

/** All events of a file, without a torn last line. Throws DataError when it is missing or an earlier line is damaged. */
export function readEvents(path: string): RunEvent[] {
  const lines = readText(path).split("\n");
  // What follows the last line end is empty, or a line that a killed process did not finish.
  lines.pop();
  return lines.map((line, index) => parseEvent(line, `${path}:${index + 1}`));
}

/**
 * Events without what may differ between two runs of the same config and seed: passing kinds, times, attempts and ids.
 * Both runs give the same array, killed and resumed or not.
 */
export function comparableEvents(path: string): Record<string, unknown>[] {
  return readEvents(path)
    .filter(({ kind }) => LASTING[kind] === "lasting")
    .map((event) => {
      const { time: _time, v: _v, attempt: _attempt, ...rest } = event;
      if (rest.kind === "run-start") {
        const { id: _id, ...start } = rest;
        return start;
      }
      if (!("metrics" in rest)) return rest;
      const timeless = Object.entries(rest.metrics).filter(([name]) => !name.startsWith("time/"));
      return { ...rest, metrics: Object.fromEntries(timeless) };
    });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new DataError(`Cannot read ${path}.`, {
      hint: "Give the folder of a run, one that holds events.jsonl; `earl ls` lists them.",
      cause,
    });
  }
}

const Envelope = z.looseObject({ kind: z.string(), v: z.int().min(0).default(0) });

/** Reads one line. Throws DataError, with its place, where it is damaged, or was written by a newer earl. */
export function parseEvent(line: string, place: string): RunEvent {
  const envelope = Envelope.safeParse(parsed(line));
  if (envelope.success) {
    const { v, ...fields } = envelope.data;
    if (v > EVENT_VERSION) {
      throw new DataError(`${place} was written by a newer earl (events of version ${v}).`, {
        hint: `This earl reads events up to version ${EVENT_VERSION}; install the newer one.`,
      });
    }
    const event = RunEvent.safeParse(v === 0 ? { attempt: 0, ...fields, v } : envelope.data);
    if (event.success) return event.data;
  }
  throw new DataError(`${place} is not an event.`, {
    hint: "The file was changed by something else than earl; restore it, or delete the run.",
  });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
