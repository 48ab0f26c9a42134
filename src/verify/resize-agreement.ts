/** Resizing against Pillow: the sizes of EARL's area rule, and every byte of resized pictures. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { DataError } from "../errors.ts";
import { decodePicture } from "../images/codec.ts";
import type { Picture } from "../images/picture.ts";
import { resize, resizedSize } from "../images/resize.ts";
import { refuseLfsPointer } from "../lfs-pointer.ts";
import { MOST } from "../policy/size-limits.ts";
import { compareEqual, compareNumbers, type Comparison } from "./comparison.ts";
import { readRecordedJson } from "./recorded-json.ts";

const side = z.int().min(1);
const Rule = z.looseObject({
  area: z.number().positive(),
  size: z.tuple([side, side]),
  resized: z.tuple([side, side]),
});
/** A size alone costs nothing, a picture of it does. */
const Resized = Rule.refine(({ resized: [width, height] }) => width * height <= MOST.imageArea, {
  path: ["resized"],
  error: `more pixels than ${MOST.imageArea}`,
});
const Recording = z.looseObject({ cases: z.array(Resized).default([]), rule: z.array(Rule).default([]) });

/** Case N is the picture N-in.png, resized to N-out.png; a rule is a size alone. */
export async function* compareResize(directory: string): AsyncGenerator<Comparison, string[]> {
  const { cases, rule } = await readRecordedJson(join(directory, "expected.json"), Recording);
  for (const { area, size, resized } of [...rule, ...cases]) {
    const { width, height } = resizedSize(size[0], size[1], area);
    const part = `${size.join(" × ")} to an area of ${area}`;
    yield compareEqual("sizes", { got: [width, height], want: resized }, part);
  }
  for (const [index, { size, resized }] of cases.entries()) {
    const source = await load(directory, `${index}-in.png`);
    const want = await load(directory, `${index}-out.png`);
    const part = `picture ${index}`;
    yield compareEqual("picture sizes", { got: [source.width, source.height], want: size }, part);
    yield compareNumbers(
      "pixels (levels of 255)",
      { got: resize(source, ...resized).pixels, want: want.pixels },
      { tolerance: { kind: "absolute", limit: 0 }, part },
    );
  }
  return [];
}

async function load(directory: string, name: string): Promise<Picture> {
  const path = join(directory, name);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new DataError(`The recording lacks ${path}.`, { cause, hint: "Copy the whole folder." });
  }
  refuseLfsPointer(path, bytes, DataError);
  return decodePicture(bytes, path);
}
