/** A judge whose words follow from what it is shown: scores by brightness, and answers to a question about it. */

import sharp from "sharp";

import { says, type Behaviour } from "./behaviour.ts";
import type { SeenRequest } from "./judge-server.ts";
import { paintedVerdict } from "./painted-verdicts.ts";

/** What it can be asked beside scores, and when that is right. */
export const BRIGHTNESS = { question: "Is the picture bright or dark?", answer: "It is bright." };

/** I2EBench's two stages: it answers the question, and says whether an answer is the true one. */
export async function lookingJudge(request: SeenRequest): Promise<Behaviour> {
  if (request.pictures.length === 0) {
    const [truth, answer] = ["What is true of the picture: ", "What was answered: "].map((label) =>
      request.text
        .split("\n")
        .find((line) => line.startsWith(label))!
        .slice(label.length),
    );
    return says(truth === answer ? "Yes." : "no");
  }
  if (!request.text.startsWith(BRIGHTNESS.question)) return paintedVerdict(request);
  return says((await isBright(request.pictures[0]!)) ? BRIGHTNESS.answer : "It is dark.");
}

export async function isBright(file: Uint8Array): Promise<boolean> {
  const { channels } = await sharp(file).stats();
  return channels[0]!.mean >= 128;
}
