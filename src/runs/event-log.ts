/**
 * events.jsonl: written line by line as a run goes, read by console, report and dashboard. A line is appended in
 * one write, so a killed process leaves at most one torn line, at the end, and readers skip it.
 */

import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";

import { DataError } from "../errors.ts";
import { writeFault } from "./atomic-write.ts";
import type { RunEvent } from "./event.ts";

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
  return lines.map((line, index) => parseLine(line, `${path}:${index + 1}`));
}

/**
 * Events without what depends on the wall clock (`time`, metrics named time/…): two runs of the same config and
 * seed give the same array, killed and resumed or not.
 */
export function comparableEvents(path: string): Record<string, unknown>[] {
  return readEvents(path).map((event) => {
    const { time: _, ...rest } = event;
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

function parseLine(line: string, place: string): RunEvent {
  try {
    const event: unknown = JSON.parse(line);
    if (isEvent(event)) return event;
  } catch {
    // Reported below, with the place.
  }
  throw new DataError(`${place} is not an event.`, {
    hint: "The file was changed by something else than earl; restore it, or delete the run.",
  });
}

/** earl alone writes events, so the fields of a kind are taken on trust. */
function isEvent(value: unknown): value is RunEvent {
  return typeof value === "object" && value !== null && "kind" in value && "time" in value;
}
