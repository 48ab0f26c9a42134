/** A MoVQ vision tokenizer against its recording: what is quantised, the codes, and the pixels they decode to. */

import { join } from "node:path";
import { DataError } from "../errors.ts";
import { readMovqConfig } from "../tokens/movq/config-file.ts";
import { MovqModel, type MovqNumbers } from "../tokens/movq/movq-model.ts";
import type { EngineHost } from "../engine/engine-host.ts";
import { openMovqWeights } from "../tokens/movq/weights.ts";
import { compareEqual, compareNumbers, type Comparison, type NumberOptions } from "./comparison.ts";
import { piece, RecordedTensors } from "./recorded-tensors.ts";

const PIXELS: NumberOptions = { tolerance: { kind: "absolute", limit: 1e-3 } };

/** A recording without a batch axis holds one picture, and calls what the encoder gave `encoded` and `latents`. */
interface Names {
  readonly latents: string;
  readonly codes: string;
  /** Codes that are decoded for themselves, and their pixels. */
  readonly loneCodes: string;
  readonly lonePixels: string;
  readonly batchAxes: 0 | 1;
}
const BATCHED: Names = {
  latents: "pre_quant",
  codes: "codes",
  loneCodes: "codes_only",
  lonePixels: "decoded_only",
  batchAxes: 1,
};
const SINGLE: Names = {
  latents: "latents",
  codes: "encoded",
  loneCodes: "codes",
  lonePixels: "decoded",
  batchAxes: 0,
};

interface Opened {
  readonly model: MovqNumbers;
  readonly codebookSize: number;
}

/** Compares what the recording holds. Returns the names it did not. */
export async function* compareMovq(
  directory: string,
  host?: EngineHost,
): AsyncGenerator<Comparison, string[]> {
  const file = await readMovqConfig(directory);
  await using model =
    (await host?.openMovq?.(directory, file)) ??
    new MovqModel(file.config, await openMovqWeights(directory, file));
  const expected = await RecordedTensors.open(join(directory, "expected.safetensors"));
  try {
    const names = expected.has("encoded") ? SINGLE : BATCHED;
    const opened = { model, codebookSize: file.config.codebookSize };
    if (expected.has("pixels")) yield* comparePictures(opened, expected, names);
    if (expected.has(names.loneCodes)) yield* compareLone(opened, expected, names);
    return expected.unread();
  } finally {
    await expected.close();
  }
}

async function* comparePictures(
  { model, codebookSize }: Opened,
  expected: RecordedTensors,
  names: Names,
): AsyncGenerator<Comparison> {
  const shape = expected.shape("pixels", 3 + names.batchAxes);
  const [height, width] = shape.slice(-2) as [number, number];
  const pictures = names.batchAxes === 0 ? 1 : (shape[0] as number);
  const pixels = asFloats(await expected.numbers("pixels"), "pixels");
  const codes = Int32Array.from(await expected.numbers(names.codes));
  const latents = expected.has(names.latents) ? await expected.numbers(names.latents) : undefined;
  const decoded =
    names.batchAxes === 1 && expected.has("decoded") ? await expected.numbers("decoded") : undefined;
  const all = Array.from({ length: pictures }, (_, index) => piece(pixels, index, pictures));
  const made = await model.encodeAll(all, height, width);
  // The recorded codes, so that one unequal code is not reported as wrong pixels, too; no other can be decoded.
  const decodable = made.map((encoded, index) => {
    const want = piece(codes, index, pictures);
    return strayCode(want, codebookSize) === undefined ? want : encoded.codes;
  });
  const back = decoded === undefined ? [] : await model.decodeAll(decodable, made[0]!);
  for (const [index, encoded] of made.entries()) {
    const part = `picture ${index}`;
    if (latents !== undefined) {
      const pair = { got: encoded.latents, want: piece(latents, index, pictures) };
      yield compareNumbers("latents", pair, { ...PIXELS, part });
    }
    const want = piece(codes, index, pictures);
    yield compareEqual("codes", { got: encoded.codes, want }, part);
    if (decoded === undefined) continue;
    yield compareNumbers(
      "pixels",
      { got: back[index]!, want: piece(decoded, index, pictures) },
      { ...PIXELS, part },
    );
  }
}

async function* compareLone(
  { model, codebookSize }: Opened,
  expected: RecordedTensors,
  names: Names,
): AsyncGenerator<Comparison> {
  const shape = expected.shape(names.loneCodes, 2 + names.batchAxes);
  const [rows, columns] = shape.slice(-2) as [number, number];
  const grids = names.batchAxes === 0 ? 1 : (shape[0] as number);
  const codes = Int32Array.from(await expected.numbers(names.loneCodes));
  requireCodes(codes, names.loneCodes, codebookSize);
  const decoded = await expected.numbers(names.lonePixels);
  const all = Array.from({ length: grids }, (_, index) => piece(codes, index, grids));
  for (const [index, got] of (await model.decodeAll(all, { rows, columns })).entries()) {
    const pair = { got, want: piece(decoded, index, grids) };
    yield compareNumbers("pixels of codes alone", pair, { ...PIXELS, part: `grid ${index}` });
  }
}

function strayCode(codes: Int32Array, codebookSize: number): number | undefined {
  return codes.find((code) => code < 0 || code >= codebookSize);
}

function requireCodes(codes: Int32Array, name: string, codebookSize: number): void {
  const stray = strayCode(codes, codebookSize);
  if (stray === undefined) return;
  throw new DataError(
    `The recorded ${name} hold ${stray}, which is no code of a codebook of ${codebookSize}.`,
    {
      hint: "The recording was made with another vision tokenizer.",
    },
  );
}

function asFloats(values: Float32Array | Int32Array, name: string): Float32Array {
  if (values instanceof Float32Array) return values;
  throw new DataError(`The recorded ${name} are whole numbers, not numbers from −1 to 1.`);
}
