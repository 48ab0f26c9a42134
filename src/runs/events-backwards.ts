/** The events of a run from the last one to the first: what a run did lately is known without reading all of it. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

import { parseEvent } from "./event-log.ts";
import type { RunEvent } from "./event.ts";

const CHUNK_BYTES = 64 * 1024;
const LINE_END = 0x0a;

/**
 * Gives events from the newest to the oldest; a torn last line is skipped. Stop when enough is known. Throws DataError
 * where a line is damaged, a system error where the file cannot be read.
 */
export function* eventsBackwards(path: string): Generator<RunEvent> {
  const descriptor = openSync(path, "r");
  try {
    let begin = fstatSync(descriptor).size;
    // What was read of the file from `begin` on, up to the last line that was given.
    let rest = Buffer.alloc(0);
    // Bytes after the last line end are a line that a killed process did not finish.
    let isTorn = true;
    while (begin > 0) {
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, begin));
      const length = readSync(descriptor, chunk, 0, chunk.length, begin - chunk.length);
      // Cut back by a resume in this moment: what was after it is gone.
      if (length < chunk.length) return;
      begin -= length;
      rest = Buffer.concat([chunk, rest]);
      for (let end = rest.lastIndexOf(LINE_END); end >= 0; end = rest.lastIndexOf(LINE_END)) {
        if (!isTorn) yield parseEvent(rest.toString("utf8", end + 1), path);
        isTorn = false;
        rest = rest.subarray(0, end);
      }
    }
    if (!isTorn) yield parseEvent(rest.toString("utf8"), path);
  } finally {
    closeSync(descriptor);
  }
}
