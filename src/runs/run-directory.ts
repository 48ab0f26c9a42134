/**
 * The folder a run leaves behind, and the only writer of files in it:
 *
 *   runs/<name>/config.yaml manifest.json events.jsonl report.html checkpoints/ images/
 */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, type Dirent } from "node:fs";
import { basename, join, resolve } from "node:path";

import { DataError } from "../errors.ts";
import { errorCode, isTemporaryName, writeFault, writeFileAtomically } from "./atomic-write.ts";

export class RunDirectory {
  readonly path: string;

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
  get lock(): string {
    return join(this.path, "lock.json");
  }

  /** True where a run has begun here. */
  exists(): boolean {
    return existsSync(this.events) || existsSync(this.config);
  }

  /** Makes the folders that are missing. Throws DataError when the place cannot be written to. */
  makeFolders(): void {
    try {
      for (const folder of [this.path, this.checkpoints, this.images]) mkdirSync(folder, { recursive: true });
    } catch (error) {
      throw writeFault(error, this.path);
    }
  }

  writeConfig(yaml: string): void {
    writeFileAtomically(this.config, yaml);
  }

  writeManifest(manifest: object): void {
    writeFileAtomically(this.manifest, `${JSON.stringify(manifest, null, 2)}\n`);
  }

  /** Saves encoded picture bytes under the hash of their content, once; returns the name under images/. */
  saveImage(encoded: Uint8Array): string {
    const hash = createHash("sha256").update(encoded).digest("hex").slice(0, 20);
    const name = `${hash}.${pictureExtension(encoded)}`;
    const path = join(this.images, name);
    if (!existsSync(path)) writeFileAtomically(path, encoded);
    return name;
  }

  /** Deletes what interrupted writes left behind. */
  removeTemporaries(): void {
    for (const folder of [this.path, this.checkpoints, this.images]) {
      if (!existsSync(folder)) continue;
      for (const name of readdirSync(folder)) {
        if (isTemporaryName(name)) rmSync(join(folder, name), { recursive: true, force: true });
      }
    }
  }

  /** Deletes the files of the run; what others put into its folder stays. */
  remove(): void {
    for (const path of [this.config, this.manifest, this.events, this.report, this.lock])
      rmSync(path, { force: true });
    for (const path of [this.checkpoints, this.images]) rmSync(path, { recursive: true, force: true });
    if (existsSync(this.path) && readdirSync(this.path).length === 0) rmSync(this.path, { recursive: true });
  }

  /** Size of everything in the folder, also while files come and go. */
  sizeBytes(): number {
    return sizeOf(this.path);
  }
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
