/** Which of our measures a recorded figure is, and how far the two may be apart. */

import type { ClipModel } from "../encoders/clip-model.ts";
import type { VitModel } from "../encoders/vit-model.ts";
import type { Measure, WrittenEdit } from "../evaluate/benchmark.ts";
import { clipDirection } from "../evaluate/measures/clip-direction.ts";
import { L1, L1_TO_SOURCE, L2, MSE, PSNR } from "../evaluate/measures/pixel-distances.ts";
import { clipI, clipIm, dinoToSource, dinoToTarget } from "../evaluate/measures/picture-likeness.ts";
import { regionSimilarity, SSIM } from "../evaluate/measures/structural-similarities.ts";
import { styleLogit } from "../evaluate/measures/style-score.ts";
import { clipOut, clipT, clipTOracle } from "../evaluate/measures/text-likeness.ts";

/** Null where the recording has no such model. */
export interface Models {
  readonly clip: ClipModel | null;
  readonly dino: VitModel | null;
  /** What masked pixels are set to. */
  readonly fill: number;
}

export interface Figure {
  readonly quantity: string;
  readonly limit: number;
  /** What a recorded number that is none stands for. */
  readonly beyond: number;
  readonly isPossible: (models: Models) => boolean;
  readonly of: (models: Models) => Measure["of"];
}

const PIXELS = 1e-5;
const COSINES = 1e-4;

function pixels(quantity: string, measure: Measure, beyond = Number.NaN): Figure {
  return { quantity, limit: PIXELS, beyond, isPossible: () => true, of: () => measure.of };
}

function withClip(quantity: string, of: (clip: ClipModel) => Measure["of"]): Figure {
  return {
    quantity,
    limit: COSINES,
    beyond: 0,
    isPossible: ({ clip }) => clip !== null,
    of: ({ clip }) => of(clip!),
  };
}

function withDino(of: (dino: VitModel) => Measure): Figure {
  return {
    quantity: "DINO",
    limit: COSINES,
    beyond: 0,
    isPossible: ({ dino }) => dino !== null,
    of: ({ dino }) => of(dino!).of,
  };
}

export const FIGURES: Readonly<Record<string, Figure>> = {
  "magicbrush.l1": pixels("L1", L1),
  "magicbrush.l2": pixels("L2", L2),
  "magicbrush.clip_i": withClip("CLIP-I", (clip) => clipI(clip).of),
  "magicbrush.dino": withDino(dinoToTarget),
  "magicbrush.clip_t": withClip("CLIP-T", (clip) => clipT(clip).of),
  "magicbrush.clip_t_oracle": withClip("CLIP-T of target", (clip) => clipTOracle(clip).of),
  "emuedit.clip_dir": withClip("CLIPdir", (clip) => clipDirection(clip).of),
  "emuedit.clip_im": withClip("CLIPim", (clip) => clipIm(clip).of),
  "emuedit.clip_out": withClip("CLIPout", (clip) => clipOut(clip).of),
  "emuedit.l1": pixels("L1", L1_TO_SOURCE),
  "emuedit.dino": withDino(dinoToSource),
  "i2ebench.ssim": pixels("SSIM", SSIM),
  "i2ebench.region_ssim": {
    ...pixels("region SSIM", SSIM),
    of: ({ fill }) => regionSimilarity(fill).of,
  },
  "pixels.mse": pixels("MSE", MSE),
  "pixels.psnr": pixels("PSNR", PSNR, 100),
  style_logit: {
    ...withClip(
      "style logit",
      (clip) =>
        ({ edit, picture }) =>
          styleLogit(clip, picture!, edit.expected?.style ?? ""),
    ),
    // A cosine a hundred times as large.
    limit: 100 * COSINES,
  },
};

/** Ours; 0 for a cosine of what has no direction, as torch has it. */
export async function figureOf(figure: Figure, models: Models, written: WrittenEdit): Promise<number> {
  const value = await figure.of(models)(written);
  return value ?? 0;
}
