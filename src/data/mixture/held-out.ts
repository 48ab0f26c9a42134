/**
 * Splits of a dataset that has only one. The split of a row follows from its source picture, so that edits of one picture
 * never lie on both sides, in whatever order or company they come.
 */

import { z } from "zod";

import { share } from "../../config/ranges.ts";
import type { DatasetSplit } from "../edit-dataset.ts";
import { keyOf, type Key } from "../kept-keys.ts";

export const HoldOutOptions = z
  .strictObject({
    validation: share.default(0.01).describe("Share of the source pictures held out for validation."),
    test: share.default(0.01).describe("Share of the source pictures held out for the test."),
    from: z
      .enum(["train", "validation", "test"])
      .default("train")
      .describe("The dataset's own split that is divided; its other ones are not used."),
  })
  .refine(({ validation, test }) => validation + test < 1, "must leave something to train on")
  .describe(
    "Divides one split of the source by its source pictures. Left out: the source has splits of its own.",
  );
export type HoldOut = z.infer<typeof HoldOutOptions>;

/** Validation and test shares are drawn anew for each seed; a key alone decides within one. */
export function heldOutSplit(
  key: Key,
  { validation, test }: Pick<HoldOut, "validation" | "test">,
  seed: number,
): DatasetSplit {
  const place = Number(keyOf(`${seed} ${key}`) >> 11n) / 2 ** 53;
  if (place < validation) return "validation";
  return place < validation + test ? "test" : "train";
}

/** A divided dataset: two keys of each row, equal where rows share a picture, or a session of edits. */
export interface RowKeys {
  readonly pictures: BigUint64Array;
  readonly sessions: BigUint64Array;
}

/**
 * The split of each row of each dataset. Rows that share either key, also across datasets and by way of others, are
 * together: their split is that of the least key among them.
 */
export function heldOutSplits(
  datasets: readonly { readonly keys: RowKeys; readonly holdOut: Pick<HoldOut, "validation" | "test"> }[],
  seed: number,
): DatasetSplit[][] {
  const leastOf = joinedKeys(datasets.map(({ keys }) => keys));
  return datasets.map(({ keys, holdOut }) =>
    Array.from(keys.pictures, (key) => heldOutSplit(leastOf(key), holdOut, seed)),
  );
}

/** The least key that a key is joined with. Union–find, with the least key as each set's root. */
function joinedKeys(datasets: readonly RowKeys[]): (key: Key) => Key {
  const parents = new Map<Key, Key>();
  const rootOf = (key: Key): Key => {
    let root = key;
    for (let next = parents.get(root); next !== undefined; next = parents.get(root)) root = next;
    // The next walk is shorter.
    for (let at = key; at !== root;) {
      const next = parents.get(at)!;
      parents.set(at, root);
      at = next;
    }
    return root;
  };
  for (const { pictures, sessions } of datasets) {
    for (const [row, picture] of pictures.entries()) {
      const [one, other] = [rootOf(picture), rootOf(sessions[row]!)];
      if (one !== other) parents.set(one < other ? other : one, one < other ? one : other);
    }
  }
  return rootOf;
}
