import { describe, expect, test } from "vitest";

import { paintExamples } from "../../test/small/small-edits.ts";
import { saying } from "../../test/small/small-reward.ts";
import type { BrokenRow, EditDataset, EditExample } from "../data/edit-dataset.ts";
import { referenceReward } from "./reference.ts";
import { requireNeeds } from "./require-needs.ts";

const [first, ...others] = paintExamples();

function withoutTarget({ target: _target, ...example }: EditExample): EditExample {
  return example;
}

function datasetOf(
  rows: readonly (EditExample | BrokenRow)[],
): Pick<EditDataset, "count" | "read" | "directory" | "split"> {
  return {
    count: rows.length,
    directory: "data/mine",
    split: "train",
    read: (indices) => Promise.resolve(indices.map((index) => rows[index]!)),
  };
}

describe("requireNeeds", () => {
  test("refuses a dataset without targets for a reward that compares with them", async () => {
    const bare = datasetOf(others.map(withoutTarget));
    await expect(requireNeeds(referenceReward, bare)).rejects.toThrow(
      'The reward "reference" needs a target picture for every edit, and data/mine, split train, has none.',
    );
    await expect(
      requireNeeds(
        saying(() => 1),
        bare,
      ),
    ).resolves.toBeUndefined();
  });

  test("takes a dataset where some rows have none, or cannot be read", async () => {
    const broken = { origin: "row 0", broken: "src_img holds no picture" };
    const mixed = datasetOf([broken, withoutTarget(first!), ...others]);
    await expect(requireNeeds(referenceReward, mixed)).resolves.toBeUndefined();
    await expect(requireNeeds(referenceReward, datasetOf([broken]))).resolves.toBeUndefined();
    await expect(requireNeeds(referenceReward, datasetOf([]))).resolves.toBeUndefined();
  });

  test("a mask that no row has is refused like a target", async () => {
    const masking = saying(() => 1, { name: "inpainting", needs: ["mask"] });
    await expect(requireNeeds(masking, datasetOf(others))).rejects.toThrow("needs a mask for every edit");
  });
});
