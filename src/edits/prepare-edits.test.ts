import { describe, expect, test } from "vitest";

import { paintExamples, smallEdits, smallWorld } from "../../test/small/small-edits.ts";
import { DataError } from "../errors.ts";
import { picture } from "../images/picture.ts";
import { encodePng } from "../images/png.ts";
import { EMU3_MOVQ_CONFIG } from "../tokens/movq/config.ts";
import { MovqModel } from "../tokens/movq/movq-model.ts";
import { MovqTokenizer } from "../tokens/movq/movq-tokenizer.ts";
import { initialMovqParameters } from "../tokens/movq/parameters.ts";
import { countedTokens } from "../tokens/constraints.ts";
import { prepareEdits, prepareExamples } from "./prepare-edits.ts";
import { firstEdits } from "./prepared-edit.ts";
import { readCompletion } from "../rollout/read-completion.ts";

const world = smallWorld();
const parts = { ...world, thoughts: false };
const examples = paintExamples();

describe("prepareExamples", () => {
  test("a demonstration reads back as its target", async () => {
    const [edit] = await prepareExamples([examples[4]!], parts);
    const { prompt, ids } = edit!.demonstration!;
    expect(prompt).toEqual(edit?.prompt);
    expect(readCompletion(world.tokens, prompt, { ids, isFinished: true })).toEqual({
      kind: "picture",
      codes: edit?.targetCodes,
    });
    expect(edit?.sourceCodes.codes).toEqual(Int32Array.of(0, 0, 0, 0));
  });

  test("only the four codes count: grid text, row ends and image end are forced", async () => {
    const [edit] = await prepareExamples([examples[0]!], parts);
    const { ids, constraints } = edit!.demonstration!;
    const counted = countedTokens(constraints);
    const { imageTokenOffset } = world.tokens.vocabulary;
    expect([...counted]).toEqual(Array.from(ids, (id) => (id >= imageTokenOffset ? 1 : 0)));
    expect(counted.reduce((sum, one) => sum + one, 0)).toBe(4);
  });

  test("a thought comes before the picture and is read back", async () => {
    const example = { ...examples[0]!, thought: "a black square; it turns red" };
    const [edit] = await prepareExamples([example], { ...parts, thoughts: true });
    const { prompt, ids } = edit!.demonstration!;
    expect(prompt.writes).toBe("thought");
    expect(readCompletion(world.tokens, prompt, { ids, isFinished: true })).toMatchObject({
      kind: "picture",
      thought: "a black square; it turns red",
    });
  });

  test("an example without a target has a prompt and no demonstration", async () => {
    const { target: _, ...bare } = examples[0]!;
    const [edit] = await prepareExamples([bare], parts);
    expect(edit).not.toHaveProperty("demonstration");
    expect(edit?.prompt.grid).toEqual({ rows: 2, columns: 2 });
  });

  test("an empty instruction is refused with the example's place", async () => {
    const example = { ...examples[0]!, instruction: " ", origin: "train.parquet, row 3" };
    const attempt = prepareExamples([example], parts);
    await expect(attempt).rejects.toThrow(DataError);
    await expect(attempt).rejects.toThrow("train.parquet, row 3: The instruction is empty.");
  });
});

describe("prepareExamples with a vision tokenizer of Emu3's kind", () => {
  const config = { ...EMU3_MOVQ_CONFIG, codebookSize: 4, baseChannels: 32, multipliers: [1, 1, 1, 1] };
  const values = initialMovqParameters({ ...config, resBlocks: 1, attentionStages: [] }, 1);
  const model = new MovqModel({ ...config, resBlocks: 1, attentionStages: [] }, (names) =>
    Promise.resolve(new Map([...names].map((name) => [name, values.get(name)!]))),
  );

  test("resizes to EARL's area and leaves out the edges that no code stands for", async () => {
    using vision = new MovqTokenizer(model, "nowhere");
    const wide = encodePng(picture(64, 36));
    const example = { ...examples[0]!, source: wide, target: wide };
    const [edit] = await prepareExamples([example], { ...parts, vision });
    // EARL's example for 16 : 9 is 341 × 192 pixels and 24 × 42 codes.
    expect(edit?.prompt.grid).toEqual({ rows: 24, columns: 42 });
    expect(edit?.source).toMatchObject({ width: 336, height: 192 });
    expect(edit?.target).toMatchObject({ width: 336, height: 192 });
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
      const dataset = {
        count: 12,
        read: (indices: readonly number[]) => {
          seen.push(...indices);
          return Promise.resolve(indices.map((index) => examples[index]!));
        },
      };
      const edits = prepareEdits(dataset, { ...parts, keepBytes });
      await edits.take([0, 1]);
      await edits.take([1, 0]);
      return seen;
    };
    expect(await readIndices(1e6)).toEqual([0, 1]);
    expect(await readIndices(0)).toEqual([0, 1, 1, 0]);
    // The first fills it: 2 pictures of 8 × 8 × 3 bytes.
    expect(await readIndices(384)).toEqual([0, 1, 1]);
  });

  test("the first edits are at most all of them", async () => {
    const edits = smallEdits(world, examples);
    expect(await firstEdits(edits, 2)).toHaveLength(2);
    const heard: number[] = [];
    expect(await firstEdits(edits, 100, (done) => heard.push(done))).toHaveLength(12);
    expect(heard).toEqual([12]);
  });
});
