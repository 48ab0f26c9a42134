/** A rule of preprocessing and the tower behind it must agree about the size of pictures. */

import { CheckpointError } from "../errors.ts";
import type { Preprocessing } from "./preprocessing.ts";

/** Throws CheckpointError where pictures come out at another size than `side` × `side`. */
export function requireSide({ crop, resize }: Preprocessing, side: number, directory: string): void {
  const given = crop ?? (typeof resize === "object" && resize.width === resize.height ? resize.width : NaN);
  if (given === side) return;
  throw new CheckpointError(
    Number.isNaN(given)
      ? `The preprocessing in ${directory} leaves pictures at any shape, the model takes ${side} × ${side}.`
      : `The preprocessing in ${directory} gives pictures of ${given} × ${given}, the model takes ${side} × ${side}.`,
    { hint: "Download config.json and the preprocessing from the same place again." },
  );
}
