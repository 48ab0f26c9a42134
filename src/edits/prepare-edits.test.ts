import { describe, expect, test } from "vitest";

import { paintExamples, smallEdits, smallRows, smallWorld } from "../../test/small/small-edits.ts";
import { DataError } from "../errors.ts";
import { picture } from "../images/picture.ts";
import { encodePng } from "../images/png.ts";
import { EMU3_MOVQ_CONFIG } from "../tokens/movq/config.ts";
import { MovqModel } from "../tokens/movq/movq-model.ts";
import { MovqPictures } from "../tokens/movq/movq-pictures.ts";
import { MovqTokenizer } from "../tokens/movq/movq-tokenizer.ts";
import { initialMovqParameters } from "../tokens/movq/parameters.ts";
import { countedTokens } from "../tokens/constraints.ts";
import { PatchCodebook } from "../tokens/patch-codebook.ts";
import { prepareEdits, prepareExample } from "./prepare-edits.ts";
import { firstEdits, type PreparedEdit } from "./prepared-edit.ts";
import { readCompletion } from "../rollout/read-completion.ts";

const world = smallWorld();
const parts = { ...world, thoughts: false };
const examples = paintExamples();

describe("prepareExample", () => {
  test("a demonstration reads back as its target", async () => {
    const edit = await prepareExample(examples[4]!, parts);
    const { prompt, ids } = edit.demonstration!;
    expect(prompt).toEqual(edit.prompt);
    expect(readCompletion(world.tokens, prompt, { ids, isFinished: true })).toEqual({
      kind: "picture",
      codes: edit.targetCodes,
    });
    expect(edit.sourceCodes.codes).toEqual(Int32Array.of(0, 0, 0, 0));
  });

  test("only the four codes count: grid text, row ends and image end are forced", async () => {
    const edit = await prepareExample(examples[0]!, parts);
    const { ids, constraints } = edit.demonstration!;
    const counted = countedTokens(constraints);
    const { imageTokenOffset } = world.tokens.vocabulary;
    expect([...counted]).toEqual(Array.from(ids, (id) => (id >= imageTokenOffset ? 1 : 0)));
    expect(counted.reduce((sum, one) => sum + one, 0)).toBe(4);
  });

  test("a thought comes before the picture and is read back", async () => {
    const example = { ...examples[0]!, thought: "a black square; it turns red" };
    const edit = await prepareExample(example, { ...parts, thoughts: true });
    const { prompt, ids } = edit.demonstration!;
    expect(prompt.writes).toBe("thought");
    expect(readCompletion(world.tokens, prompt, { ids, isFinished: true })).toMatchObject({
      kind: "picture",
      thought: "a black square; it turns red",
    });
  });

  test("boxes in a thought are those of the picture as the policy sees it, of codes as they are", async () => {
    const large = encodePng(picture(32, 16));
    const example = { ...examples[0]!, source: large, target: large, thought: "all [0, 0, 32, 15]" };
    const entries = new Uint8Array(4 * 4 * 3);
    const vision = new PatchCodebook(4, entries, { width: 8, height: 8 });
    const thoughtOf = ({ demonstration }: PreparedEdit): unknown => {
      const { prompt, ids } = demonstration!;
      return readCompletion(world.tokens, prompt, { ids, isFinished: true });
    };
    const edit = await prepareExample(example, { ...parts, vision, thoughts: true });
    expect(thoughtOf(edit)).toMatchObject({ thought: "all [0, 0, 8, 8]" });
    const codes = { source: edit.sourceCodes, target: edit.targetCodes! };
    const encoded = await prepareExample({ ...example, codes }, { ...parts, vision, thoughts: true });
    expect(thoughtOf(encoded)).toMatchObject({ thought: "all [0, 0, 32, 15]" });
    // A thought from a file says which size it is of, and is scaled once, beside codes as beside pictures.
    for (const one of [example, { ...example, codes }]) {
      const joined = { ...one, thought: "all [0, 0, 64, 30]", thoughtSize: [64, 32] } as const;
      const scaled = await prepareExample(joined, { ...parts, vision, thoughts: true });
      expect(thoughtOf(scaled)).toMatchObject({ thought: "all [0, 0, 8, 8]" });
    }
  });

  test("codes that are there are taken as they are, and shown as the pictures that they are of", async () => {
    const { source: _, target: __, ...words } = examples[4]!;
    const whole = await prepareExample(examples[4]!, parts);
    const codes = { source: whole.sourceCodes, target: whole.targetCodes! };
    expect(await prepareExample({ ...words, codes }, parts)).toEqual(whole);
    expect(await prepareExample({ ...examples[4]!, codes }, parts)).toEqual(whole);
    const other = { ...codes, target: { rows: 1, columns: 4, codes: codes.target.codes } };
    await expect(prepareExample({ ...words, codes: other }, parts)).rejects.toThrow(
      "The target's codes are 1 × 4, the source's 2 × 2.",
    );
  });

  test("an example without a target has a prompt and no demonstration", async () => {
    const { target: _, ...bare } = examples[0]!;
    const edit = await prepareExample(bare, parts);
    expect(edit).not.toHaveProperty("demonstration");
    expect(edit.prompt.grid).toEqual({ rows: 2, columns: 2 });
  });

  test("an empty instruction is refused with the example's place", async () => {
    const example = { ...examples[0]!, instruction: " ", origin: "train.parquet, row 3" };
    const attempt = prepareExample(example, parts);
    await expect(attempt).rejects.toThrow(DataError);
    await expect(attempt).rejects.toThrow("train.parquet, row 3: The instruction is empty.");
  });
});

describe("prepareExample with a vision tokenizer of Emu3's kind", () => {
  const config = { ...EMU3_MOVQ_CONFIG, codebookSize: 4, baseChannels: 32, multipliers: [1, 1, 1, 1] };
  const values = initialMovqParameters({ ...config, resBlocks: 1, attentionStages: [] }, 1);
  const model = new MovqModel({ ...config, resBlocks: 1, attentionStages: [] }, (names) =>
    Promise.resolve(new Map([...names].map((name) => [name, values.get(name)!]))),
  );

  test("resizes to EARL's area and leaves out the edges that no code stands for", async () => {
    await using vision = new MovqTokenizer(model.config, new MovqPictures(model), "nowhere");
    const wide = encodePng(picture(64, 36));
    const example = { ...examples[0]!, source: wide, target: wide };
    const edit = await prepareExample(example, { ...parts, vision });
    // EARL's example for 16 : 9 is 341 × 192 pixels and 24 × 42 codes.
    expect(edit.prompt.grid).toEqual({ rows: 24, columns: 42 });
    expect(edit.source).toMatchObject({ width: 336, height: 192 });
    expect(edit.target).toMatchObject({ width: 336, height: 192 });
  });
});

describe("prepareEdits", () => {
  test("gives edits in the order asked, also the same one twice", async () => {
    const edits = await smallEdits(world, examples).take([3, 1, 3]);
    expect(edits.map((edit) => edit.id)).toEqual([examples[3]?.id, examples[1]?.id, examples[3]?.id]);
  });

  test("reads an example once while there is room, and every time where there is none", async () => {
    const readIndices = async (keepBytes: number): Promise<number[]> => {
      const seen: number[] = [];
      const rows = smallRows(examples);
      const read = (indices: readonly number[]): ReturnType<typeof rows.read> => {
        seen.push(...indices);
        return rows.read(indices);
      };
      const edits = prepareEdits({ ...rows, read }, { ...parts, keepBytes });
      await edits.take([0, 1]);
      await edits.take([1, 0]);
      return seen;
    };
    expect(await readIndices(1e6)).toEqual([0, 1]);
    expect(await readIndices(0)).toEqual([0, 1, 1, 0]);
    // Room for one: 2 pictures of 8 × 8 × 3 bytes, and ids beside them.
    expect(await readIndices(800)).toEqual([0, 1, 1]);
  });

  test("the first edits are at most all of them", async () => {
    const edits = smallEdits(world, examples);
    expect(await firstEdits(edits, 2)).toHaveLength(2);
    const heard: number[] = [];
    expect(await firstEdits(edits, 100, (done) => heard.push(done))).toHaveLength(12);
    expect(heard).toEqual([12]);
  });
});

describe("prepareEdits, where rows cannot be read", () => {
  const cut = {
    ...examples[2]!,
    source: examples[2]!.source!.subarray(0, 40),
    origin: "train.parquet, row 2",
  };
  const odd = { ...examples[5]!, target: encodePng(picture(8, 16)), origin: "train.parquet, row 5" };
  const gone = { origin: "train.parquet, row 7", broken: "src_img holds no picture" };
  const rows = examples.map((one, index) => ({ 2: cut, 5: odd, 7: gone })[index] ?? one);
  const ids = (edits: readonly PreparedEdit[]): string[] => edits.map(({ id }) => id);

  test("another edit stands in for each, the same whatever was taken before", async () => {
    const all = examples.map((_, index) => index);
    const taken = ids(await prepareEdits(smallRows(rows, 0.5), parts).take(all));
    expect(taken).toHaveLength(examples.length);
    for (const index of [2, 5, 7]) expect(taken[index]).not.toBe(examples[index]?.id);
    for (const index of [0, 6, 11]) expect(taken[index]).toBe(examples[index]?.id);
    const resumed = prepareEdits(smallRows(rows, 0.5), parts);
    for (const index of [7, 11, 2, 5]) expect(ids(await resumed.take([index]))).toEqual([taken[index]]);
  });

  test("each is named once and counted once", async () => {
    const heard: string[] = [];
    const source = smallRows(rows, 0.5, (notice) => heard.push(notice));
    const edits = prepareEdits(source, parts);
    await edits.take([2, 5, 7, 2]);
    await edits.take([7, 0, 2]);
    expect(heard).toEqual([
      expect.stringMatching(/^Left out: train.parquet, row 2: .*cannot be decoded/) as string,
      "Left out: train.parquet, row 5: The target has another shape (8 × 16) than the source (8 × 8).",
      "Left out: train.parquet, row 7: src_img holds no picture.",
    ]);
    const { broken, listed } = source.brokenRows.record;
    expect(broken).toBe(3);
    expect(listed.map(({ index }) => index)).toEqual([2, 5, 7]);
  });

  test("the first edits are those that can be read, none of them twice", async () => {
    const edits = await firstEdits(prepareEdits(smallRows(rows, 0.5), parts), 8);
    expect(ids(edits)).toEqual([0, 1, 3, 4, 6, 8, 9, 10].map((index) => examples[index]?.id));
  });

  test("stops before anything is made of them where too many are broken, and names some", async () => {
    const attempt = prepareEdits(smallRows(rows, 0.2), parts).take([1, 2, 5, 7]);
    await expect(attempt).rejects.toThrow(DataError);
    await expect(attempt).rejects.toThrow(
      /^3 of the 4 rows seen .*maxBrokenShare \(0.2\).*row 2:.*row 5:.*row 7:/s,
    );
    await expect(prepareEdits(smallRows(rows, 0.25), parts).take([1, 2, 5, 7])).resolves.toHaveLength(4);
  });

  test("stops where none can be read, whatever share may be broken", async () => {
    const edits = prepareEdits(smallRows([gone, cut], 1), parts);
    await expect(edits.take([0])).rejects.toThrow("No row of the dataset can be read.");
    await expect(firstEdits(edits, 2)).rejects.toThrow("No row of the dataset can be read.");
  });
});

describe("a target of another size", () => {
  test("is given the source's, where their shapes agree", async () => {
    const example = { ...examples[0]!, target: encodePng(picture(32, 32)) };
    const edit = await prepareExample(example, parts);
    expect(edit.target).toMatchObject({ width: 8, height: 8 });
    expect(edit.demonstration?.prompt.grid).toEqual(edit.prompt.grid);
  });

  test("is refused, with both sizes, where they do not", async () => {
    const example = { ...examples[0]!, origin: "train.parquet, row 0", target: encodePng(picture(16, 8)) };
    await expect(prepareExample(example, parts)).rejects.toThrow(
      "train.parquet, row 0: The target has another shape (16 × 8) than the source (8 × 8).",
    );
  });
});
