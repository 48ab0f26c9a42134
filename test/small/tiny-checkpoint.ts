/** A checkpoint of the layout that earl saves, with random weights: pictures of 32 × 32 in patches of 8, words in bytes. */

import { fitPatchCodebook } from "../../src/tokens/fit-patch-codebook.ts";
import { picture, type Picture } from "../../src/images/picture.ts";
import { freshPolicyConfig, type PolicyConfig } from "../../src/policy/config.ts";
import { initialParameters } from "../../src/policy/parameters.ts";
import { savePolicyDirectory, type SaveOptions } from "../../src/policy/save-policy.ts";
import { Rng } from "../../src/random.ts";
import { learnByteLevelBpe } from "../../src/tokens/byte-level-bpe.ts";
import { vocabularyOf } from "../../src/tokens/special-tokens.ts";

function randomPicture(seed: number): Picture {
  const rng = Rng.from(seed, "picture");
  return picture(
    32,
    32,
    Uint8Array.from({ length: 32 * 32 * 3 }, () => rng.integer(256)),
  );
}

/** Saves it; `change` may spoil the parameters before. Returns its config. */
export async function writeTinyCheckpoint(
  directory: string,
  change: (parameters: Map<string, Float32Array>) => void = () => {},
  options: SaveOptions = {},
): Promise<PolicyConfig> {
  const { tokenizer: vision } = fitPatchCodebook([randomPicture(1), randomPicture(2)], {
    patchSize: 8,
    codebookSize: 16,
    seed: 1,
  });
  const text = learnByteLevelBpe([], 0, vision.codebookSize);
  const config = freshPolicyConfig(
    {
      hiddenSize: 16,
      layers: 2,
      heads: 2,
      keyValueHeads: 1,
      intermediateSize: 16,
      ropeTheta: 200,
      normEpsilon: 1e-5,
      weightStd: 0.1,
    },
    vocabularyOf(text),
    4096,
  );
  const parameters = initialParameters(config, { embeddingStd: 1, weightStd: 0.1, seed: 1 });
  change(parameters);
  await savePolicyDirectory(directory, config, parameters, {
    ...options,
    tokenizerFiles: new Map([...text.files(), ...vision.files()]),
  });
  return config;
}
