/**
 * events.jsonl: written line by line as a run goes, read by console, report and dashboard. A line is appended in
 * one write, so a killed process leaves at most one torn line, at the end, and readers skip it.
 */

import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";

import { DataError, EarlError } from "../errors.ts";
import { errorCode, writeFault } from "./atomic-write.ts";
import { EVENT_VERSION, LASTING, RunEvent } from "./event.ts";
import { isPassingMetric } from "./metrics.ts";

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

/** Bytes read at once. */
const CHUNK_BYTES = 256 * 1024;
const LINE_END = 0x0a;

/**
 * Reads a file of events that may be growing, each call of `events` what is new since the last one. A line that is not
 * finished waits for its end.
 */
export class EventReader {
  readonly #path: string;
  readonly #onCut: () => void;
  /** Bytes and lines that were given, and the last of these lines as it stood in the file. */
  #offset = 0;
  #lines = 0;
  #last: Buffer = Buffer.alloc(0);

  /**
   * `from` is where to begin, in bytes. `onCut` is called where a resume cut the file back: what was given is void, and
   * comes again from the first event.
   */
  constructor(
    path: string,
    { onCut = () => undefined, from = 0 }: { onCut?: (() => void) | undefined; from?: number } = {},
  ) {
    this.#path = path;
    this.#onCut = onCut;
    this.#offset = from;
  }

  /** Throws DataError where a line is damaged or written by a newer earl, a system error where the file cannot be read. */
  *events(): Generator<RunEvent> {
    const descriptor = openSync(this.#path, "r");
    try {
      if (this.#isCut(descriptor)) this.#restart();
      let rest: Buffer = Buffer.alloc(0);
      for (;;) {
        const chunk = readAt(descriptor, this.#offset + rest.length, CHUNK_BYTES);
        if (chunk.length === 0) return;
        rest = Buffer.concat([rest, chunk]);
        for (let end = rest.indexOf(LINE_END); end >= 0; end = rest.indexOf(LINE_END)) {
          const line = rest.subarray(0, end + 1);
          const event = this.#parse(line, descriptor);
          // Cut back between two chunks: the next call begins again.
          if (event === undefined) {
            this.#restart();
            return;
          }
          rest = rest.subarray(end + 1);
          this.#offset += line.length;
          this.#lines += 1;
          this.#last = line;
          yield event;
        }
      }
    } finally {
      closeSync(descriptor);
    }
  }

  #parse(line: Buffer, descriptor: number): RunEvent | undefined {
    try {
      return parseEvent(line.toString("utf8"), `${this.#path}:${this.#lines + 1}`);
    } catch (error) {
      if (this.#isCut(descriptor)) return undefined;
      throw error;
    }
  }

  /** A line says when and in which attempt it was written, so another one in its place differs. */
  #isCut(descriptor: number): boolean {
    const { length } = this.#last;
    return length > 0 && !readAt(descriptor, this.#offset - length, length).equals(this.#last);
  }

  #restart(): void {
    this.#offset = 0;
    this.#lines = 0;
    this.#last = Buffer.alloc(0);
    this.#onCut();
  }
}

function readAt(descriptor: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(descriptor, bytes, 0, length, position));
}

/** All events of a file, without a torn last line. Throws DataError where it is missing or a line is damaged. */
export function readEvents(path: string): RunEvent[] {
  try {
    return [...new EventReader(path).events()];
  } catch (cause) {
    throw readFault(cause, path);
  }
}

/** The error of reading events as one of ours. */
export function readFault(cause: unknown, path: string): unknown {
  if (cause instanceof EarlError || errorCode(cause) === "") return cause;
  return new DataError(`Cannot read ${path}.`, {
    hint: "Give the folder of a run, one that holds events.jsonl; `earl ls` lists them.",
    cause,
  });
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
      const timeless = Object.entries(rest.metrics).filter(([name]) => !isPassingMetric(name));
      return { ...rest, metrics: Object.fromEntries(timeless) };
    });
}

/** An event of a version that this earl does not know. */
export class NewerEventError extends DataError {}

/** Reads one line. Throws DataError, with its place, where it is damaged, or was written by a newer earl. */
export function parseEvent(line: string, place: string): RunEvent {
  const fields = parsed(line);
  if (typeof fields === "object" && fields !== null) {
    const { v = 0 } = fields as { v?: unknown };
    if (typeof v === "number" && v > EVENT_VERSION) {
      throw new NewerEventError(`${place} was written by a newer earl (events of version ${v}).`, {
        hint: `This earl reads events up to version ${EVENT_VERSION}; install the newer one.`,
      });
    }
    const event = RunEvent.safeParse(v === 0 ? { attempt: 0, ...fields, v } : fields);
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
