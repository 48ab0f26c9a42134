/** A picture of a run with its name under it. */

import type { JSX } from "preact";

import { imageAddress } from "./server.ts";

export function PictureOf({
  run,
  image,
  name,
  instruction,
}: {
  readonly run: string;
  readonly image: string;
  readonly name: string;
  readonly instruction: string;
}): JSX.Element {
  return (
    <figure class="completion">
      <img src={imageAddress(run, image)} alt={`${name} of “${instruction}”`} loading="lazy" />
      <figcaption class="soft">{name}</figcaption>
    </figure>
  );
}
