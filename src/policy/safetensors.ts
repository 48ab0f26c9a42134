/**
 * Reads a safetensors file tensor by tensor: opening it reads and checks the header alone, so a tensor that is never
 * asked for costs nothing, and one that is costs its own size and a small buffer.
 */

import { open, stat, type FileHandle } from "node:fs/promises";
import { CheckpointError, EngineError, ShapeError } from "../errors.ts";
import { formatBytes } from "../format.ts";
import { LFS_POINTER_BYTES, refuseLfsPointer } from "../lfs-pointer.ts";
import { requireRoom } from "../machine-memory.ts";
import { widenBF16, widenF16 } from "./float-formats.ts";
import { BYTES_OF, MAX_HEADER_BYTES, damaged, parseHeader } from "./safetensors-header.ts";
import type { SafetensorsHeader, TensorEntry } from "./safetensors-header.ts";

/** A read at most this long; half-width tensors are widened through a buffer of this size. */
const CHUNK_BYTES = 16 * 2 ** 20;

/** A tensor as it lies in the file. */
export type RawTensor = { readonly shape: readonly number[] } & (
  | { readonly type: "F64"; readonly values: Float64Array }
  | { readonly type: "F32"; readonly values: Float32Array }
  | { readonly type: "I64"; readonly values: BigInt64Array }
  | { readonly type: "U64"; readonly values: BigUint64Array }
  | { readonly type: "I32"; readonly values: Int32Array }
  | { readonly type: "U32"; readonly values: Uint32Array }
  | { readonly type: "I16"; readonly values: Int16Array }
  | { readonly type: "F16" | "BF16" | "U16"; readonly values: Uint16Array }
  | { readonly type: "I8"; readonly values: Int8Array }
  | { readonly type: "U8" | "BOOL"; readonly values: Uint8Array }
);

export class SafetensorsFile {
  readonly path: string;
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #handle: FileHandle;
  /** Where the tensors begin. */
  readonly #dataStart: number;

  private constructor(path: string, handle: FileHandle, header: SafetensorsHeader, dataStart: number) {
    this.path = path;
    this.entries = header.entries;
    this.metadata = header.metadata;
    this.#handle = handle;
    this.#dataStart = dataStart;
  }

  /** Opens a file and checks its whole header. Throws CheckpointError where it is missing, truncated or inconsistent. */
  static async open(path: string): Promise<SafetensorsFile> {
    let handle: FileHandle;
    try {
      // Asked first, since opening a pipe waits for its writer.
      if (!(await stat(path)).isFile()) throw damaged(path, "it is no plain file");
      handle = await open(path, "r");
    } catch (cause) {
      if (cause instanceof CheckpointError) throw cause;
      throw new CheckpointError(`Cannot open ${path}.`, {
        cause,
        hint: "Check the path and its permissions.",
      });
    }
    try {
      const { size } = await handle.stat();
      if (size < 8) throw damaged(path, `it has ${size} bytes, too few for a header`);
      const prefix = new Uint8Array(Math.min(size, LFS_POINTER_BYTES));
      await fill(handle, prefix, 0, path);
      refuseLfsPointer(path, prefix, CheckpointError);
      const headerBytes = Number(new DataView(prefix.buffer).getBigUint64(0, true));
      if (headerBytes > Math.min(MAX_HEADER_BYTES, size - 8)) {
        throw damaged(path, `it says its header has ${headerBytes} bytes, but the file has ${size}`);
      }
      const json = new Uint8Array(headerBytes);
      await fill(handle, json, 8, path);
      const header = parseHeader(textIn(json, path), size - 8 - headerBytes, path);
      return new SafetensorsFile(path, handle, header, 8 + headerBytes);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * A floating-point tensor as float32, in `into` where that is given. Throws CheckpointError for a name that is not
   * there or holds whole numbers, ShapeError where `into` has another length.
   */
  async read(name: string, into?: Float32Array<ArrayBuffer>): Promise<Float32Array<ArrayBuffer>> {
    const entry = this.#entry(name);
    const length = (entry.end - entry.begin) / BYTES_OF[entry.type];
    if (into !== undefined && into.length !== length)
      throw new ShapeError(`${this.path}: ${name} has ${length} values, not ${into.length}.`);
    const values = into ?? new Float32Array(this.#memory(entry, length * BYTES_OF.F32));
    const { buffer, byteOffset, byteLength } = values;
    if (entry.type === "F32") await this.#fill(new Uint8Array(buffer, byteOffset, byteLength), entry.begin);
    else if (entry.type === "F16") await this.#widen(entry, values, widenF16);
    else if (entry.type === "BF16") await this.#widen(entry, values, widenBF16);
    else if (entry.type === "F64") values.set(new Float64Array((await this.#bytes(entry)).buffer));
    else throw new CheckpointError(`${this.path}: ${name} is ${entry.type}, not a floating-point tensor.`);
    return values;
  }

  /** A tensor as it lies in the file; the halves of F16 and BF16 as their bits. Throws CheckpointError for a name that is not there. */
  async readRaw(name: string): Promise<RawTensor> {
    const entry = this.#entry(name);
    const { type, shape } = entry;
    const { buffer } = await this.#bytes(entry);
    switch (type) {
      case "F64":
        return { type, shape, values: new Float64Array(buffer) };
      case "F32":
        return { type, shape, values: new Float32Array(buffer) };
      case "I64":
        return { type, shape, values: new BigInt64Array(buffer) };
      case "U64":
        return { type, shape, values: new BigUint64Array(buffer) };
      case "I32":
        return { type, shape, values: new Int32Array(buffer) };
      case "U32":
        return { type, shape, values: new Uint32Array(buffer) };
      case "I16":
        return { type, shape, values: new Int16Array(buffer) };
      case "F16":
      case "BF16":
      case "U16":
        return { type, shape, values: new Uint16Array(buffer) };
      case "I8":
        return { type, shape, values: new Int8Array(buffer) };
      case "U8":
      case "BOOL":
        return { type, shape, values: new Uint8Array(buffer) };
      default:
        return type satisfies never;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  #entry(name: string): TensorEntry {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new CheckpointError(`${this.path} has no tensor ${name}.`);
    return entry;
  }

  async #bytes(entry: TensorEntry): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(this.#memory(entry, entry.end - entry.begin));
    await this.#fill(bytes, entry.begin);
    return bytes;
  }

  /** Memory for a tensor. Throws EngineError where this machine does not have it. */
  #memory(entry: TensorEntry, bytes: number): ArrayBuffer {
    const what = `${this.path}: ${entry.name}`;
    // A sparse file may say any size; where memory is overcommitted, asking for it would seem to succeed.
    requireRoom(what, bytes);
    try {
      return new ArrayBuffer(bytes);
    } catch (cause) {
      throw new EngineError(`${what} takes ${formatBytes(bytes)}, more than is free.`, {
        hint: "End other programs, or use a machine with more memory.",
        cause,
      });
    }
  }

  async #widen(
    entry: TensorEntry,
    target: Float32Array,
    widen: (bits: Uint16Array, target: Float32Array, offset: number) => void,
  ): Promise<void> {
    const buffer = new Uint16Array(Math.min(CHUNK_BYTES / 2, target.length));
    for (let done = 0; done < target.length; done += buffer.length) {
      const part = buffer.subarray(0, Math.min(buffer.length, target.length - done));
      await this.#fill(new Uint8Array(part.buffer, 0, part.byteLength), entry.begin + done * 2);
      widen(part, target, done);
    }
  }

  async #fill(bytes: Uint8Array, begin: number): Promise<void> {
    await fill(this.#handle, bytes, this.#dataStart + begin, this.path);
  }
}

function textIn(header: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(header);
  } catch (cause) {
    throw damaged(path, "the header is not UTF-8", cause);
  }
}

/** Reads until the array is full, in pieces: one call reads at most 2 GiB. */
async function fill(handle: FileHandle, bytes: Uint8Array, position: number, path: string): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const length = Math.min(CHUNK_BYTES, bytes.length - done);
    const { bytesRead } = await handle.read(bytes, done, length, position + done);
    if (bytesRead === 0) throw damaged(path, `it ends at byte ${position + done}, while it is read`);
    done += bytesRead;
  }
}
