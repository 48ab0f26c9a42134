/** Verdicts that follow from the pictures that are sent, as those of a judge do. */

import sharp from "sharp";
import { scores, type Behaviour } from "./behaviour.ts";
import type { SeenRequest } from "./judge-server.ts";

/** Scores the last picture by its mean brightness, 0…10. */
export async function paintedVerdict({ pictures }: SeenRequest): Promise<Behaviour> {
  const { channels } = await sharp(pictures.at(-1)).stats();
  const score = Math.round((channels[0]!.mean / 255) * 100) / 10;
  return scores(score, 10, `brightness ${score}`);
}
