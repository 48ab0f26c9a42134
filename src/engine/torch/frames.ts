/**
 * Frames between earl and the engine's driver: the length as u64, then a safetensors file whose metadata is the message
 * as JSON. Any frame saved to disk opens in a safetensors reader. python/earl_engine/frames.py is the other end.
 */

import { z } from "zod";

import { EngineError } from "../../errors.ts";

export type FrameArray = Float32Array | Int32Array | BigInt64Array;
export type FrameArrays = ReadonlyMap<string, FrameArray>;

export interface Frame {
  readonly message: unknown;
  /** Flat, whatever their shapes. */
  readonly arrays: FrameArrays;
}

const KINDS = { F32: Float32Array, I32: Int32Array, I64: BigInt64Array } as const;

function typeOf(array: FrameArray): keyof typeof KINDS {
  if (array instanceof Float32Array) return "F32";
  return array instanceof Int32Array ? "I32" : "I64";
}

/** A frame in pieces, to be written one after the other; arrays are not copied. */
export function framePieces(message: unknown, arrays: FrameArrays = new Map()): Uint8Array[] {
  const header: Record<string, unknown> = { __metadata__: { message: JSON.stringify(message) } };
  let end = 0;
  for (const [name, array] of arrays) {
    const begin = end;
    end += array.byteLength;
    header[name] = { dtype: typeOf(array), shape: [array.length], data_offsets: [begin, end] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const padding = (8 - (json.length % 8)) % 8;
  const start = Buffer.alloc(16 + json.length + padding, 0x20);
  start.writeBigUInt64LE(BigInt(8 + json.length + padding + end), 0);
  start.writeBigUInt64LE(BigInt(json.length + padding), 8);
  json.copy(start, 16);
  const bytes = Array.from(
    arrays.values(),
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  return [start, ...bytes];
}

const Header = z.record(
  z.string(),
  z.union([
    z.object({ dtype: z.enum(["F32", "I32", "I64"]), data_offsets: z.tuple([z.number(), z.number()]) }),
    z.object({ message: z.string() }),
  ]),
);

/** Puts frames together from the pieces in which a stream brings them. */
export class FrameReader {
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  /** The frames that are complete with this piece. Throws EngineError for what is no frame. */
  take(piece: Uint8Array): Frame[] {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    const frames: Frame[] = [];
    for (;;) {
      const length = this.#bytes < 8 ? undefined : Number(this.#joined(8).readBigUInt64LE(0));
      if (length === undefined || this.#bytes < 8 + length) return frames;
      const all = this.#joined(8 + length);
      frames.push(parseFrame(all.subarray(8, 8 + length)));
      this.#pieces = [all.subarray(8 + length)];
      this.#bytes -= 8 + length;
    }
  }

  /** A first piece of at least so many bytes; others are joined to it only where it is shorter. */
  #joined(least: number): Buffer {
    const [first] = this.#pieces;
    if (first === undefined || first.length < least) this.#pieces = [Buffer.concat(this.#pieces)];
    const { buffer, byteOffset, byteLength } = this.#pieces[0] as Uint8Array;
    return Buffer.from(buffer, byteOffset, byteLength);
  }
}

function parseFrame(frame: Buffer): Frame {
  try {
    const length = Number(frame.readBigUInt64LE(0));
    const header = Header.parse(JSON.parse(frame.subarray(8, 8 + length).toString()));
    const arrays = new Map<string, FrameArray>();
    let message: unknown;
    for (const [name, entry] of Object.entries(header)) {
      if ("message" in entry) {
        message = JSON.parse(entry.message);
        continue;
      }
      const [begin, end] = entry.data_offsets;
      // A copy, since numbers must lie at multiples of their width.
      const bytes = Uint8Array.prototype.slice.call(frame, 8 + length + begin, 8 + length + end);
      arrays.set(name, new KINDS[entry.dtype](bytes.buffer));
    }
    return { message, arrays };
  } catch (cause) {
    throw new EngineError("The engine's driver sent something that is no frame.", {
      cause,
      hint: "Run `earl engine install` again; if that does not help, report it with engine.log.",
    });
  }
}
