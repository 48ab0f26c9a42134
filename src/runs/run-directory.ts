/**
 * The folder a run leaves behind, and the only writer of files in it:
 *
 *   runs/<name>/config.yaml manifest.json events.jsonl report.html checkpoints/ images/
 */

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, type Dirent } from "node:fs";
import { basename, join, relative, resolve } from "node:path";

import { DataError } from "../errors.ts";
import { errorCode, flush, isAbandoned, placeOfTemporary, writeFileAtomically } from "./atomic-write.ts";
import { isCheckpointName } from "./checkpoint-name.ts";
import { EventReader } from "./event-log.ts";
import type { RunEvent } from "./event.ts";
import { isLock, removeLockRights } from "./lock.ts";
import { makeFolders } from "./writable-place.ts";

export class RunDirectory {
  readonly path: string;
  /** Pictures that may not be on the disk yet. */
  readonly #unflushed = new Set<string>();

  constructor(path: string) {
    this.path = resolve(path);
  }

  get name(): string {
    return basename(this.path);
  }
  get config(): string {
    return join(this.path, "config.yaml");
  }
  get manifest(): string {
    return join(this.path, "manifest.json");
  }
  get events(): string {
    return join(this.path, "events.jsonl");
  }
  get report(): string {
    return join(this.path, "report.html");
  }
  get checkpoints(): string {
    return join(this.path, "checkpoints");
  }
  get images(): string {
    return join(this.path, "images");
  }
  /** Files of other programs: what `logging` asks for. */
  get logs(): string {
    return join(this.path, "logs");
  }
  get lock(): string {
    return join(this.path, "lock.json");
  }

  /** True where something lies that may be a run. */
  exists(): boolean {
    return existsSync(this.events) || existsSync(this.config);
  }

  /** True where the events begin as a run's do. */
  isRun(): boolean {
    return this.readStart() !== undefined;
  }

  /** The first event of the run; undefined where there is none that can be read. */
  readStart(): Extract<RunEvent, { kind: "run-start" }> | undefined {
    try {
      const [first] = new EventReader(this.events).events();
      return first?.kind === "run-start" ? first : undefined;
    } catch (error) {
      if (error instanceof DataError || errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR")
        return undefined;
      throw error;
    }
  }

  /**
   * What has a name that a run would use, while no run is here: such a folder is somebody else's. What a start that was
   * killed leaves does not count: empty folders, empty events, a lock, temporary files.
   */
  strangers(): string[] {
    const files = [this.config, this.manifest, this.report].filter((path) => existsSync(path));
    if (existsSync(this.events) && !isEmptyFile(this.events)) files.push(this.events);
    if (existsSync(this.lock) && !isLock(this.lock)) files.push(this.lock);
    const inside = [this.checkpoints, this.images].flatMap((folder) =>
      existsSync(folder) ? contentOf(folder).map((name) => join(folder, name)) : [],
    );
    return [...files, ...inside].map((path) => relative(this.path, path));
  }

  /** Makes the folders that are missing and returns them. Throws DataError when the place cannot be written to. */
  makeFolders(): string[] {
    return [this.checkpoints, this.images].flatMap(makeFolders);
  }

  writeConfig(yaml: string): void {
    writeFileAtomically(this.config, yaml);
  }

  writeManifest(manifest: object): void {
    writeFileAtomically(this.manifest, `${JSON.stringify(manifest, null, 2)}\n`);
  }

  /**
   * Saves encoded picture bytes under the hash of their content, once; returns the name under images/. Like the events
   * that name them they are flushed with the next checkpoint: a disk takes longer over a picture than a judge.
   */
  saveImage(encoded: Uint8Array): string {
    const hash = createHash("sha256").update(encoded).digest("hex").slice(0, 20);
    const name = `${hash}.${pictureExtension(encoded)}`;
    const path = join(this.images, name);
    // What a machine left that lost its power is written anew.
    if (statSync(path, { throwIfNoEntry: false })?.size !== encoded.length) {
      writeFileAtomically(path, encoded, { isFlushed: false });
      this.#unflushed.add(path);
    }
    return name;
  }

  /** Pictures that were saved are on the disk. */
  flushImages(): void {
    if (this.#unflushed.size === 0) return;
    for (const path of this.#unflushed) if (existsSync(path)) flush(path);
    flush(this.images);
    this.#unflushed.clear();
  }

  /** Names that `saveImage` gives. */
  get imageName(): RegExp {
    return /^[0-9a-f]{20}\.(png|jpg|webp)$/;
  }

  /** Deletes what interrupted writes left behind. Call it with the run's lock held, before anything is written. */
  removeTemporaries(): void {
    const [config, manifest, events, report, lock] = this.#files().map((path) => basename(path));
    sweep(this.path, (place) => place === config || place === manifest || place === events);
    // A report may be written and a lock be asked for while others hold it.
    sweep(this.path, (place, path) => (place === report || place === lock) && isAbandoned(path));
    removeLockRights(this.path);
    sweep(this.checkpoints, isCheckpointName);
    sweep(this.images, (place) => this.imageName.test(place));
  }

  #files(): [config: string, manifest: string, events: string, report: string, lock: string] {
    return [this.config, this.manifest, this.events, this.report, this.lock];
  }

  /** Size of everything in the folder, also while files come and go. */
  sizeBytes(): number {
    return sizeOf(this.path);
  }
}

/** Removes temporary files and folders whose place satisfies `isOwn`. */
function sweep(folder: string, isOwn: (place: string, path: string) => boolean): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const place = placeOfTemporary(name);
    const path = join(folder, name);
    if (place !== undefined && isOwn(place, path)) rmSync(path, { recursive: true, force: true });
  }
}

function isEmptyFile(path: string): boolean {
  return statSync(path).isFile() && statSync(path).size === 0;
}

/** Names in a folder, without those of interrupted writes; its own where it is no folder. */
function contentOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [""];
  return readdirSync(path).filter((name) => placeOfTemporary(name) === undefined);
}

/** Reads a JSON file of the run. Throws DataError when it is missing or damaged. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new DataError(`Cannot read ${path}.`, {
      hint: "Check that the folder is a run of earl and was copied whole.",
      cause,
    });
  }
}

function pictureExtension(encoded: Uint8Array): string {
  const [first, second] = encoded;
  if (first === 0x89 && second === 0x50) return "png";
  if (first === 0xff && second === 0xd8) return "jpg";
  if (first === 0x52 && second === 0x49) return "webp";
  throw new DataError("A picture for the run's images/ is neither PNG, JPEG nor WebP.");
}

function sizeOf(folder: string): number {
  let total = 0;
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) total += sizeOf(path);
    else if (entry.isFile()) total += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }
  return total;
}

/** None where the folder has just been removed. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}
