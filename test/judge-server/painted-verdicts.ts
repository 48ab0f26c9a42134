/** A script whose verdicts follow from the pictures it is sent, as those of a judge do. */

import sharp from "sharp";
import { says, type Behaviour } from "./behaviour.ts";
import { JudgeServer, type JudgeServerOptions } from "./judge-server.ts";

/** The mean brightness of a picture as a score, 0…10. */
async function brightness(file: Buffer): Promise<number> {
  const { channels } = await sharp(file).stats();
  return Math.round((channels[0]!.mean / 255) * 100) / 10;
}

/** A server that scores the last picture by its brightness. */
export async function startPaintedServer(options: JudgeServerOptions = {}): Promise<JudgeServer> {
  return JudgeServer.start(async ({ pictures }) => verdictOn(await brightness(pictures.at(-1)!)), options);
}

function verdictOn(score: number): Behaviour {
  return says(JSON.stringify({ score: [score, 10], reasoning: `brightness ${score}` }));
}
