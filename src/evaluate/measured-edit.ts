/** An edit as measures see it, made of an example: pictures decoded and left at their own size. */

import { decodeExample, type EditExample } from "../data/edit-dataset.ts";
import { DataError } from "../errors.ts";
import { decodePicture } from "../images/codec.ts";
import type { MeasuredEdit } from "./benchmark.ts";

/** Throws DataError that names file, row and picture where one is missing or corrupt. */
export async function measuredEdit(example: EditExample): Promise<MeasuredEdit> {
  const { id, task, instruction, captions, expected } = example;
  const label = `${example.origin ?? "example"} (${id})`;
  const { source, target } = await decodeExample(example);
  if (source === undefined) {
    throw new DataError(`${label}: there is no source picture, only codes.`, {
      hint: "Measures compare pictures: open the dataset in the layout that has them.",
    });
  }
  return {
    id,
    task,
    instruction,
    source,
    ...(target !== undefined && { target }),
    ...(example.mask !== undefined && { mask: await decodePicture(example.mask, `${label}, mask`) }),
    ...(captions !== undefined && { captions }),
    ...(expected !== undefined && { expected }),
  };
}
