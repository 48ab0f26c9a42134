/** The pictures of an example, decoded, with errors that say which row they come from. */

import { decodePicture } from "../images/codec.ts";
import type { Picture } from "../images/picture.ts";
import type { EditExample } from "./edit-example.ts";

export interface ExamplePictures {
  readonly source: Picture;
  /** Absent where the example has none. */
  readonly target?: Picture;
}

/** Throws DataError that names file, row and column where a picture is corrupt. */
export async function decodeExample(example: EditExample): Promise<ExamplePictures> {
  const label = `${example.origin ?? "example"} (${example.id})`;
  const [source, target] = await Promise.all([
    decodePicture(example.source, `${label}, source`),
    example.target === undefined ? undefined : decodePicture(example.target, `${label}, target`),
  ]);
  return target === undefined ? { source } : { source, target };
}
