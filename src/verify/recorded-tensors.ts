/** The tensors of a recording, read by name. It remembers which were read, so that none is left out unnoticed. */

import { DataError } from "../errors.ts";
import { SafetensorsFile } from "../policy/safetensors.ts";

export class RecordedTensors {
  readonly #file: SafetensorsFile;
  readonly #read = new Set<string>();

  private constructor(file: SafetensorsFile) {
    this.#file = file;
  }

  /** Throws CheckpointError where the file is missing or damaged. */
  static async open(path: string): Promise<RecordedTensors> {
    return new RecordedTensors(await SafetensorsFile.open(path));
  }

  has(name: string): boolean {
    return this.#file.entries.has(name);
  }

  /** What follows the prefix in the names that begin with it. */
  namesAfter(prefix: string): string[] {
    return [...this.#file.entries.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length));
  }

  /** Throws DataError where the tensor has another number of axes. */
  shape(name: string, axes: number): readonly number[] {
    const shape = this.#file.entries.get(name)?.shape;
    if (shape?.length === axes) return shape;
    const got = shape === undefined ? "missing" : `[${shape.join(", ")}]`;
    throw new DataError(`${this.#file.path}: ${name} must have ${axes} axes, it is ${got}.`, {
      hint: "docs/agreement.md says what a recording holds.",
    });
  }

  /** Floating-point or whole numbers. Throws CheckpointError for a name that is not there. */
  async numbers(name: string): Promise<Float32Array | Int32Array> {
    this.#read.add(name);
    const type = this.#file.entries.get(name)?.type ?? "F32";
    if (["F32", "F16", "BF16", "F64"].includes(type)) return this.#file.read(name);
    return Int32Array.from((await this.#file.readRaw(name)).values as ArrayLike<number | bigint>, Number);
  }

  /** Names that nobody asked for. */
  unread(): string[] {
    return [...this.#file.entries.keys()].filter((name) => !this.#read.has(name));
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Piece `index` of an array that holds `pieces` of equal length, as a view. */
export function piece<Values extends Float32Array | Int32Array>(
  values: Values,
  index: number,
  pieces: number,
): Values {
  const length = values.length / pieces;
  return values.subarray(index * length, (index + 1) * length) as Values;
}
