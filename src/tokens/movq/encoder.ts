/**
 * Pictures to codes. Emu3 shows a picture to its encoder as several equal frames; all layers before the temporal ones
 * treat frames apart, so they are computed once and the result is repeated, a quarter of the work at the same numbers.
 */

import { nearestRow } from "../../tensor/ops/nearest-row.ts";
import { silu } from "../../tensor/ops/elementwise.ts";
import { broadcastTo } from "../../tensor/ops/broadcast.ts";
import { reshape, transpose } from "../../tensor/ops/shape.ts";
import { requireShape, sizeOf, type Value } from "../../tensor/value.ts";
import { spatialFactor, stageChannels, temporalStages, type MovqConfig } from "./config.ts";
import {
  attentionBlock,
  causalConvolve,
  convolve,
  downsample,
  plainNorm,
  resBlock,
  temporalResBlock,
  type Parameters,
} from "./layers.ts";

export const CODEBOOK = "quantize.embedding.weight";

export interface Encoded {
  /** What is quantised, [B, D, 1, H, W]. */
  readonly latents: Value;
  /** [B, H, W] int64. */
  readonly codes: Value;
}

/** Pictures [B, 3, H, W] in −1…1 as latents and codes, both sides divided by the spatial factor and rounded down. */
export function encodePictures(config: MovqConfig, parameters: Parameters, pictures: Value): Encoded {
  const smallest = spatialFactor(config);
  const isFitting = pictures.shape.length === 4 && pictures.shape.slice(2).every((side) => side >= smallest);
  requireShape(isFitting, "encodePictures", [pictures], `[B, C, H, W] with sides of ${smallest} or more`);
  const frame = encodeFrame(config, parameters, pictures);
  const [batch, channels, rows, columns] = frame.shape as [number, number, number, number];
  const frames = reshape(frame, [batch, channels, 1, rows, columns]);
  let hidden = broadcastTo(frames, [batch, channels, config.temporalFactor, rows, columns]);
  for (let stage = 0; stage < temporalStages(config); stage += 1) {
    const window = { kernel: [4, 3, 3], stride: [2, 1, 1] };
    hidden = silu(causalConvolve(parameters, `encoder.time_conv.${stage}.conv`, hidden, window));
  }
  for (let block = 0; block < config.resBlocks; block += 1) {
    hidden = temporalResBlock(parameters, `encoder.time_res_stack.${block}`, hidden);
  }
  const latents = causalConvolve(parameters, "quant_conv", hidden, { kernel: [3, 1, 1] });
  const places = reshape(transpose(latents, [0, 2, 3, 4, 1]), [sizeOf([batch, rows, columns]), channels]);
  const codebook = parameters(CODEBOOK, [config.codebookSize, config.latentChannels]);
  return { latents, codes: reshape(nearestRow(places, codebook), [batch, rows, columns]) };
}

function encodeFrame(config: MovqConfig, parameters: Parameters, pictures: Value): Value {
  const style = { parameters, norm: plainNorm(parameters) };
  const attend = (name: string, operand: Value): Value =>
    attentionBlock(style, name, operand, config.attentionHeads);
  let hidden = convolve(parameters, "encoder.conv_in", pictures, { channels: config.baseChannels });
  for (const stage of config.multipliers.keys()) {
    const name = `encoder.down.${stage}`;
    for (let block = 0; block < config.resBlocks; block += 1) {
      hidden = resBlock(style, `${name}.block.${block}`, hidden, stageChannels(config, stage));
      if (config.attentionStages.includes(stage)) hidden = attend(`${name}.attn.${block}`, hidden);
    }
    const isLast = stage === config.multipliers.length - 1;
    if (!isLast) hidden = downsample(parameters, `${name}.downsample`, hidden);
  }
  const channels = stageChannels(config, config.multipliers.length - 1);
  hidden = resBlock(style, "encoder.mid.block_1", hidden, channels);
  hidden = attend("encoder.mid.attn_1", hidden);
  hidden = resBlock(style, "encoder.mid.block_2", hidden, channels);
  const normal = silu(style.norm("encoder.norm_out", hidden));
  return convolve(parameters, "encoder.conv_out", normal, { channels: config.latentChannels });
}
