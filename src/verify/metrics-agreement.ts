/** Measures of edits against torch, transformers and Pillow: text ids, what the models see and say, and every figure. */

import { access } from "node:fs/promises";
import { join } from "node:path";
import { ClipModel } from "../encoders/clip-model.ts";
import { VitModel } from "../encoders/vit-model.ts";
import { compareEqual, compareNumbers, type Comparison } from "./comparison.ts";
import { figureOf, FIGURES, type Models } from "./metrics-figures.ts";
import {
  expectedFile,
  expectedTensors,
  measuredFrom,
  MetricsRecording,
  recordedPictures,
  type RecordedEdit,
  type RecordedPictures,
} from "./metrics-recording.ts";
import { readRecordedJson } from "./recorded-json.ts";
import { RecordedTensors } from "./recorded-tensors.ts";

const SEEN = { kind: "absolute", limit: 1e-4 } as const;
/** Of vectors at the length 1 of the recorded one, since measures see them so: a model may make them of any length. */
const VECTORS = { kind: "absolute", limit: 1e-4 } as const;

const SECTIONS = ["magicbrush", "emuedit", "i2ebench", "pixels"] as const;

interface Recorded {
  readonly edit: RecordedEdit;
  readonly pictures: RecordedPictures;
  readonly part: string;
}

/** Compares what the recording holds. Returns what it did not, by name. */
export async function* compareMetrics(directory: string): AsyncGenerator<Comparison, string[]> {
  const recording = await readRecordedJson(expectedFile(directory), MetricsRecording);
  const pictures = await recordedPictures(directory, recording.pairs.length);
  await using clip = (await isThere(directory, "clip"))
    ? await ClipModel.open(join(directory, "clip"))
    : null;
  await using dino = (await isThere(directory, "dino")) ? await VitModel.open(join(directory, "dino")) : null;
  const models: Models = { clip, dino, fill: recording.mask_fill };
  const tensors = (await isFile(expectedTensors(directory)))
    ? await RecordedTensors.open(expectedTensors(directory))
    : undefined;
  const unread: string[] = [];
  try {
    for (const [index, edit] of recording.pairs.entries()) {
      const one = { edit, pictures: pictures[index]!, part: `pair ${index}` };
      if (clip !== null) yield* compareTexts(clip, one, recording.clip_max_length);
      if (tensors !== undefined) yield* compareTensors(models, tensors, one, index);
      yield* compareFigures(models, one, unread);
    }
    return [...(tensors?.unread() ?? []), ...new Set(unread)];
  } finally {
    await tensors?.close();
  }
}

function* compareTexts(
  clip: ClipModel,
  { edit, part }: Recorded,
  most: number | undefined,
): Generator<Comparison> {
  for (const [text, want] of Object.entries(edit.text_ids)) {
    yield compareEqual("text ids", { got: clip.ids(text, most), want }, part);
  }
}

async function* compareTensors(
  { clip, dino }: Models,
  tensors: RecordedTensors,
  { edit, pictures: { edited }, part }: Recorded,
  index: number,
): AsyncGenerator<Comparison> {
  const compare = async function* (
    name: string,
    quantity: string,
    make: () => Promise<Float32Array> | Float32Array,
  ): AsyncGenerator<Comparison> {
    if (!tensors.has(`${index}.${name}`)) return;
    const want = await tensors.numbers(`${index}.${name}`);
    const got = await make();
    if (name.endsWith("pixels")) yield compareNumbers(quantity, { got, want }, { tolerance: SEEN, part });
    else {
      // One length for both, so that ours is held to the recorded length too.
      const length = Math.hypot(...want) || 1;
      const scaled = (vector: ArrayLike<number>): Float64Array =>
        Float64Array.from(vector, (value) => value / length);
      yield compareNumbers(quantity, { got: scaled(got), want: scaled(want) }, { tolerance: VECTORS, part });
    }
  };
  if (clip !== null) {
    yield* compare("clip_pixels", "pixels that CLIP sees", () => clip.pixels(edited));
    yield* compare("clip_image", "CLIP of pictures", async () => (await clip.pictures([edited]))[0]!);
    const text = edit.target_caption;
    if (text !== undefined)
      yield* compare("clip_text", "CLIP of texts", async () => (await clip.texts([text]))[0]!);
  }
  if (dino !== null) {
    yield* compare("dino_pixels", "pixels that DINO sees", () => dino.pixels(edited));
    yield* compare("dino", "DINO of pictures", async () => (await dino.pictures([edited]))[0]!);
  }
}

async function* compareFigures(
  models: Models,
  { edit, pictures, part }: Recorded,
  unread: string[],
): AsyncGenerator<Comparison> {
  const written = {
    edit: measuredFrom(pictures, edit),
    picture: pictures.edited,
    verdict: { kind: "unreachable", reason: "nobody was asked" },
    isExact: false,
  } as const;
  const sections = [
    ...SECTIONS.flatMap((section) =>
      Object.entries(edit[section] ?? {}).map(([name, want]) => [`${section}.${name}`, want] as const),
    ),
    ...(edit.style_logit === undefined ? [] : [["style_logit", edit.style_logit] as const]),
  ];
  for (const [name, want] of sections) {
    const figure = FIGURES[name];
    if (figure === undefined || !figure.isPossible(models)) {
      unread.push(name);
      continue;
    }
    const got = await figureOf(figure, models, written);
    yield compareNumbers(
      figure.quantity,
      { got: [got], want: [want ?? figure.beyond] },
      { tolerance: { kind: "absolute", limit: figure.limit }, part },
    );
  }
}

async function isThere(directory: string, model: string): Promise<boolean> {
  return isFile(join(directory, model, "config.json"));
}

async function isFile(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
