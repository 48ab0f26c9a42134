/**
 * The header of a safetensors file: eight bytes of length, then JSON that maps each tensor's name to its type, shape
 * and place. Everything in it is checked before a tensor is read, against the published rules: tensors fill the rest
 * of the file without gaps or overlaps, and each takes exactly the bytes its shape needs.
 */

import { z } from "zod";
import { CheckpointError } from "../errors.ts";
import { FaultList } from "./fault-list.ts";
import { repeatedKeys } from "./repeated-keys.ts";

export const BYTES_OF = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

export type TensorType = keyof typeof BYTES_OF;

export interface TensorEntry {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  /** Bytes from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

/** The published limit; a longer header is a file of another kind. */
export const MAX_HEADER_BYTES = 100_000_000;

/** As many as torch takes. */
const MOST_AXES = 64;

const whole = z.int().min(0);
const Entry = z.strictObject({
  dtype: z.string(),
  shape: z.array(whole),
  data_offsets: z.tuple([whole, whole]),
});

export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Parses a header's JSON for a file that holds `dataBytes` bytes after it. Throws CheckpointError with every tensor
 * at fault; `file` names the file.
 */
export function parseHeader(json: string, dataBytes: number, file: string): SafetensorsHeader {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    throw damaged(file, "the header is not JSON", cause);
  }
  const record = z.record(z.string(), z.unknown()).safeParse(parsed);
  if (!record.success) throw damaged(file, "the header is not a JSON object");

  const { __metadata__: metadata = {}, ...tensors } = record.data;
  const strings = z.record(z.string(), z.string()).safeParse(metadata);
  const faults = new FaultList();
  if (!strings.success) faults.add(() => "__metadata__ does not map names to texts");
  // JSON.parse keeps the last of equal keys, whose tensors then seem to leave holes.
  for (const key of repeatedKeys(json)) faults.add(() => `${key}: twice in the header`);
  const entries = new Map<string, TensorEntry>();
  for (const [name, value] of Object.entries(tensors)) {
    const entry = parseEntry(name, value);
    if (typeof entry === "string") faults.add(() => `${name}: ${entry}`);
    else entries.set(name, entry);
  }
  // A tensor that could not be read leaves a hole, so places are judged only where all could.
  if (faults.count === 0) findPlaceFaults([...entries.values()], dataBytes, faults);
  if (faults.count > 0) throw damagedBy(file, faults);
  return { entries, metadata: strings.data ?? {} };
}

/** A CheckpointError for a file whose content is not what safetensors says. */
export function damaged(file: string, fault: string, cause?: unknown): CheckpointError {
  const faults = new FaultList();
  faults.add(() => fault);
  return damagedBy(file, faults, cause);
}

function damagedBy(file: string, faults: FaultList, cause?: unknown): CheckpointError {
  return new CheckpointError(`${file} is damaged:\n${faults.lines()}`, {
    cause,
    hint: "Download or save the file again.",
  });
}

function parseEntry(name: string, value: unknown): TensorEntry | string {
  const entry = Entry.safeParse(value);
  if (!entry.success) return "its entry is not { dtype, shape, data_offsets }";
  const { dtype, shape, data_offsets } = entry.data;
  if (!isTensorType(dtype)) return `the type ${dtype} is not known`;
  if (shape.length > MOST_AXES) return `it has ${shape.length} axes, at most ${MOST_AXES} are known`;
  const [begin, end] = data_offsets;
  const needed = shape.reduce((product, size) => product * size, BYTES_OF[dtype]);
  if (end - begin !== needed) {
    return `shape [${shape.join(", ")}] in ${dtype} needs ${needed} bytes, the header gives it ${end - begin}`;
  }
  return { name, type: dtype, shape, begin, end };
}

/** Whether a tensor of this type can be a weight. */
export function isFloat(type: TensorType): boolean {
  return type === "F32" || type === "F16" || type === "BF16" || type === "F64";
}

function isTensorType(text: string): text is TensorType {
  return Object.hasOwn(BYTES_OF, text);
}

function findPlaceFaults(entries: TensorEntry[], dataBytes: number, faults: FaultList): void {
  let reached = 0;
  let last = "the header";
  for (const entry of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    const { name, begin, end } = entry;
    const [gap, before] = [begin - reached, last];
    if (gap < 0) faults.add(() => `${name}: overlaps ${before}`);
    if (gap > 0) faults.add(() => `${name}: ${gap} stray bytes before it`);
    if (end > dataBytes) {
      faults.add(() => `${name}: the file ends ${end - dataBytes} bytes before the tensor does`);
    }
    if (entry.end > reached) [reached, last] = [entry.end, entry.name];
  }
  if (faults.count === 0 && reached < dataBytes)
    faults.add(() => `${dataBytes - reached} stray bytes after the last tensor`);
}
