/**
 * Answers of judges on disk, under the hash of all that an answer depends on: one SQLite file. It stays whole when a
 * process is killed, several may read and write at once, and a damaged file is an error instead of a crash (which is
 * why it is not LMDB, whose memory maps end the process that reads a damaged one).
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import type { DatabaseSyncInstance, StatementSyncInstance } from "@photostructure/sqlite";
import { ConfigError } from "../errors.ts";
import { systemClock, type Clock } from "../runs/clock.ts";
import { makeFolders } from "../runs/writable-place.ts";

export interface StoreFigures {
  readonly entries: number;
  readonly sizeBytes: number;
}

/** The file within the store's folder. */
export const STORE_FILE = "answers.sqlite";

/** How long a process waits for another one's write. */
const BUSY_MS = 10_000;
/** Looking at the size costs as much as writing, so it is done after so many answers. */
const WRITES_A_CHECK = 64;
/** Answers that are let go of at a time: few enough that nobody notices the pause. */
const DROPPED_AT_ONCE = 100;
/** When an answer was used last is written down once in so many seconds, so that most readings write nothing. */
const USE_SECONDS = 3600;

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS answers_used ON answers (used);
`;

export class AnswerStore implements Disposable {
  readonly #database: DatabaseSyncInstance;
  readonly #mostBytes: number;
  readonly #clock: Clock;
  readonly #select: StatementSyncInstance;
  readonly #insert: StatementSyncInstance;
  readonly #touch: StatementSyncInstance;
  readonly #drop: StatementSyncInstance;
  readonly #measure: StatementSyncInstance;
  #writes = 0;

  private constructor(database: DatabaseSyncInstance, mostBytes: number, clock: Clock) {
    this.#database = database;
    this.#mostBytes = mostBytes;
    this.#clock = clock;
    this.#select = database.prepare("SELECT answer, used FROM answers WHERE key = ?");
    this.#insert = database.prepare("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)");
    this.#touch = database.prepare("UPDATE answers SET used = ? WHERE key = ?");
    this.#drop = database.prepare(
      "DELETE FROM answers WHERE key IN (SELECT key FROM answers ORDER BY used LIMIT ?)",
    );
    this.#measure = database.prepare(
      `SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count) AS pages,
        (SELECT page_size FROM pragma_page_size) AS size`,
    );
  }

  /** Opens or makes the store in a folder. Throws ConfigError where that cannot be. */
  static async open(directory: string, mostBytes: number, clock: Clock = systemClock): Promise<AnswerStore> {
    const { DatabaseSync } = await import("@photostructure/sqlite");
    try {
      makeFolders(directory);
      const database = new DatabaseSync(join(directory, STORE_FILE), { timeout: BUSY_MS });
      database.exec(SCHEMA);
      return new AnswerStore(database, mostBytes, clock);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ConfigError(`The store of judges' answers in ${directory} cannot be opened (${reason}).`, {
        hint: "Delete it if it is damaged, name a folder on a local disk, or do without it: cache.isUsed=false.",
        cause,
      });
    }
  }

  /** What was kept, as JSON holds it; undefined where nothing was, or the store is damaged there. */
  get(key: string): unknown {
    try {
      const row = this.#select.get(key);
      if (row === undefined) return undefined;
      const now = this.#now();
      if (now - Number(row["used"]) > USE_SECONDS) this.#touch.run(now, key);
      return unsealed(key, String(row["answer"]));
    } catch {
      // Asking the judge again is all that a missing answer costs.
      return undefined;
    }
  }

  /** Keeps what JSON can hold. Throws where the disk is full or the store damaged. */
  put(key: string, answer: unknown): void {
    this.#insert.run(key, sealed(key, JSON.stringify(answer)), this.#now());
    this.#writes += 1;
    if (this.#writes % WRITES_A_CHECK === 0) this.#makeRoom();
  }

  figures(): StoreFigures {
    const { count } = this.#database.prepare("SELECT count(*) AS count FROM answers").get() as {
      count: number;
    };
    return { entries: count, sizeBytes: this.#sizeBytes() };
  }

  /** Forgets everything, and gives the room back. */
  clear(): void {
    this.#database.exec("DELETE FROM answers; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #makeRoom(): void {
    while (this.#sizeBytes() > this.#mostBytes) {
      if (this.#drop.run(DROPPED_AT_ONCE).changes === 0) return;
    }
  }

  #sizeBytes(): number {
    const { pages, size } = this.#measure.get() as { pages: number; size: number };
    return pages * size;
  }

  #now(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
}

const SEAL_LENGTH = 16;

/** An answer that a damaged disk changed, or gave to another question, would be a wrong score. */
function sealed(key: string, json: string): string {
  return sealOf(key, json) + json;
}

/** What was sealed; undefined where the seal is broken. */
function unsealed(key: string, text: string): unknown {
  const json = text.slice(SEAL_LENGTH);
  return text.startsWith(sealOf(key, json)) ? (JSON.parse(json) as unknown) : undefined;
}

function sealOf(key: string, json: string): string {
  return createHash("sha256").update(key).update(json).digest("hex").slice(0, SEAL_LENGTH);
}
