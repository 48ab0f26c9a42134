/**
 * Writes a safetensors file tensor by tensor. Names, types and shapes are given first, since they make up the header;
 * the values follow in any order, one tensor in memory at a time.
 */

import { open, type FileHandle } from "node:fs/promises";
import { CheckpointError, ShapeError } from "../errors.ts";
import { DTYPES, narrowBF16, narrowF16 } from "./float-formats.ts";
import { sizeOf } from "./parameters.ts";
import { BYTES_OF } from "./safetensors-header.ts";

export type FloatType = keyof typeof DTYPES;

export interface PlannedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** The file's own where not given. */
  readonly type?: FloatType;
}

interface Place {
  readonly position: number;
  /** In values. */
  readonly size: number;
  readonly type: FloatType;
}

/** Values converted and written at once. */
const CHUNK_VALUES = 4 * 2 ** 20;

/** From here on a number is rounded to infinity: half-way between the largest one and the next power of two. */
const OVERFLOW: Readonly<Record<FloatType, number>> = {
  F32: Infinity,
  F16: 65_520,
  BF16: 2 ** 128 - 2 ** 119,
};

export class SafetensorsWriter {
  readonly path: string;
  readonly #handle: FileHandle;
  /** Tensors that are still to come. */
  readonly #pending: Map<string, Place>;

  private constructor(path: string, handle: FileHandle, pending: Map<string, Place>) {
    this.path = path;
    this.#handle = handle;
    this.#pending = pending;
  }

  /** Starts a file: header first, tensors in the order of their names. Throws CheckpointError where it cannot be written. */
  static async create(
    path: string,
    tensors: readonly PlannedTensor[],
    type: FloatType,
  ): Promise<SafetensorsWriter> {
    const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
    const places: (Omit<Place, "position"> & { readonly name: string; readonly begin: number })[] = [];
    let end = 0;
    // Wide numbers first, as safetensors itself orders them, so that each lies at a multiple of its own width.
    for (const { name, shape, type: own = type } of tensors.toSorted(byWidthAndName(type))) {
      const begin = end;
      end += sizeOf(shape) * BYTES_OF[own];
      header[name] = { dtype: own, shape, data_offsets: [begin, end] };
      places.push({ name, begin, size: sizeOf(shape), type: own });
    }
    const json = new TextEncoder().encode(JSON.stringify(header));
    // Spaces bring the tensors to a multiple of eight bytes, so that a reader may map them.
    const headerBytes = Math.ceil(json.length / 8) * 8;
    const start = new Uint8Array(8 + headerBytes).fill(0x20);
    new DataView(start.buffer).setBigUint64(0, BigInt(headerBytes), true);
    start.set(json, 8);

    const dataStart = start.length;
    const pending = new Map(
      places.map(({ name, begin, ...place }) => [name, { ...place, position: dataStart + begin }]),
    );
    const handle = await unwritable(path, () => open(path, "w"));
    const writer = new SafetensorsWriter(path, handle, pending);
    try {
      await writer.#write(start, 0);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return writer;
  }

  /**
   * Writes one tensor. Throws ShapeError for a name that was not planned, came already or has another size,
   * CheckpointError for values that its type cannot hold.
   */
  async write(name: string, values: Float32Array): Promise<void> {
    const place = this.#pending.get(name);
    if (place === undefined)
      throw new ShapeError(`${this.path}: ${name} is not among the tensors still to be written.`);
    if (place.size !== values.length) {
      throw new ShapeError(
        `${this.path}: ${name} has ${values.length} values, its shape needs ${place.size}.`,
      );
    }
    const width = BYTES_OF[place.type];
    for (let done = 0; done < values.length; done += CHUNK_VALUES) {
      const part = this.#convert(name, values.subarray(done, done + CHUNK_VALUES), place.type);
      await this.#write(
        new Uint8Array(part.buffer, part.byteOffset, part.byteLength),
        place.position + done * width,
      );
    }
    this.#pending.delete(name);
  }

  /** Ends the file, on disk when it returns. Throws ShapeError where a tensor never came. */
  async finish(): Promise<void> {
    const [missing] = this.#pending.keys();
    if (missing !== undefined)
      throw new ShapeError(`${this.path}: ${missing} was planned but never written.`);
    await unwritable(this.path, () => this.#handle.sync());
    await this.#handle.close();
  }

  /** Ends a file that will not be complete; the caller removes it. */
  async abandon(): Promise<void> {
    await this.#handle.close();
  }

  #convert(name: string, values: Float32Array, type: FloatType): Float32Array | Uint16Array {
    const limit = OVERFLOW[type];
    if (type !== "F32" && !values.every((value) => !(Math.abs(value) >= limit))) {
      throw new CheckpointError(`${this.path}: ${name} has values that ${DTYPES[type]} cannot hold.`, {
        hint: "Save it as float32.",
      });
    }
    switch (type) {
      case "F32":
        return values;
      case "F16":
        return narrowF16(values);
      case "BF16":
        return narrowBF16(values);
      default:
        return type satisfies never;
    }
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await unwritable(this.path, () =>
        this.#handle.write(bytes, done, bytes.length - done, position + done),
      );
      done += bytesWritten;
    }
  }
}

function byWidthAndName(type: FloatType): (one: PlannedTensor, other: PlannedTensor) => number {
  return (one, other) =>
    BYTES_OF[other.type ?? type] - BYTES_OF[one.type ?? type] || (one.name < other.name ? -1 : 1);
}

async function unwritable<T>(path: string, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CheckpointError(`Cannot write ${path}: ${reason}.`, {
      cause,
      hint: "Check the free space and the permissions of the folder.",
    });
  }
}
