/** Copies of recordings in which one number is wrong. */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

export const FIXTURES = fileURLToPath(new URL("fixtures", import.meta.url));

/** A copy of a recording in test/fixtures, unpacked, to be changed. */
export function copyOfRecording(kind: string): string {
  const folder = join(mkdtempSync(join(tmpdir(), "earl-recording-")), kind);
  cpSync(join(FIXTURES, kind), folder, { recursive: true });
  if (kind === "emu3-lm") {
    const packed = join(folder, "expected.safetensors.gz");
    writeFileSync(join(folder, "expected.safetensors"), gunzipSync(readFileSync(packed)));
    rmSync(packed);
  }
  return folder;
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Adds to one value of a tensor of expected.safetensors. */
export function perturb(folder: string, tensor: string, index: number, change: number): void {
  const path = join(folder, "expected.safetensors");
  const bytes = readFileSync(path);
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerBytes)) as Record<string, Entry>;
  const entry = header[tensor];
  if (entry === undefined) throw new Error(`${path} has no ${tensor}.`);
  const start = 8 + headerBytes + entry.data_offsets[0];
  if (entry.dtype === "I64") {
    const at = start + 8 * index;
    bytes.writeBigInt64LE(bytes.readBigInt64LE(at) + BigInt(change), at);
  } else {
    const at = start + 4 * index;
    bytes.writeFloatLE(bytes.readFloatLE(at) + change, at);
  }
  writeFileSync(path, bytes);
}

/** Takes the values of a tensor of expected.safetensors away and gives it a shape that has none. */
export function empty(folder: string, tensor: string, shape: readonly number[]): void {
  const path = join(folder, "expected.safetensors");
  const bytes = readFileSync(path);
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerBytes)) as Record<string, Entry>;
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  let end = 0;
  const parts: Buffer[] = [];
  const changed = entries
    .toSorted(([, one], [, other]) => one.data_offsets[0] - other.data_offsets[0])
    .map(([name, entry]) => {
      const [begin, stop] = entry.data_offsets.map((offset) => 8 + headerBytes + offset) as [number, number];
      const part = name === tensor ? Buffer.alloc(0) : bytes.subarray(begin, stop);
      parts.push(part);
      const place = [end, (end += part.length)];
      return [name, { ...entry, shape: name === tensor ? shape : entry.shape, data_offsets: place }];
    });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(changed)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(path, Buffer.concat([length, json, ...parts]));
}
