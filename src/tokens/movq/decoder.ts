/**
 * Codes to pictures. Emu3 decodes several frames and keeps the first as the picture; after the temporal layers frames
 * do not meet any more, so only the first is carried on: a quarter of the work at the same numbers.
 */

import { gather } from "../../tensor/ops/gather.ts";
import { silu } from "../../tensor/ops/elementwise.ts";
import { concat, reshape, slice, transpose } from "../../tensor/ops/shape.ts";
import { upsample } from "../../tensor/ops/upsample.ts";
import type { Value } from "../../tensor/value.ts";
import { stageChannels, temporalStages, type MovqConfig } from "./config.ts";
import { CODEBOOK } from "./encoder.ts";
import {
  attentionBlock,
  causalConvolve,
  convolve,
  doubleSize,
  resBlock,
  spatialNorm,
  temporalResBlock,
  type Parameters,
} from "./layers.ts";

/** Codes [B, H, W] int64 as pictures [B, 3, 8H, 8W] (for a spatial factor of 8), around −1…1 but not clipped. */
export function decodeCodes(config: MovqConfig, parameters: Parameters, codes: Value): Value {
  const [batch] = codes.shape as [number];
  const codebook = parameters(CODEBOOK, [config.codebookSize, config.latentChannels]);
  const vectors = transpose(gather(codebook, codes), [0, 3, 1, 2]);
  const [, channels, rows, columns] = vectors.shape as [number, number, number, number];
  const entries = reshape(vectors, [batch, channels, 1, rows, columns]);
  const latents = causalConvolve(parameters, "post_quant_conv", entries, { kernel: [3, 1, 1] });

  // Both go through the same temporal layers, as one batch.
  const frames = temporalLayers(config, parameters, concat([latents, entries], 0));
  const first = reshape(slice(frames, 2, 0, 1), [2 * batch, channels, rows, columns]);
  const seen = slice(first, 0, batch, 2 * batch);
  return decodeFrame(config, parameters, slice(first, 0, 0, batch), seen);
}

function temporalLayers(config: MovqConfig, parameters: Parameters, operand: Value): Value {
  let hidden = operand;
  for (let block = 0; block < config.resBlocks; block += 1) {
    hidden = temporalResBlock(parameters, `decoder.time_res_stack.${block}`, hidden);
  }
  for (let stage = 0; stage < temporalStages(config); stage += 1) {
    const longer = upsample(hidden, [1, 1, 2, 1, 1]);
    hidden = silu(
      causalConvolve(parameters, `decoder.time_conv.${stage}.conv`, longer, { kernel: [3, 3, 3] }),
    );
  }
  return hidden;
}

function decodeFrame(config: MovqConfig, parameters: Parameters, latents: Value, codes: Value): Value {
  const style = { parameters, norm: spatialNorm(parameters, codes) };
  const attend = (name: string, operand: Value): Value =>
    attentionBlock(style, name, operand, config.attentionHeads);
  const channels = stageChannels(config, config.multipliers.length - 1);
  let hidden = convolve(parameters, "decoder.conv_in", latents, { channels });
  hidden = resBlock(style, "decoder.mid.block_1", hidden, channels);
  hidden = attend("decoder.mid.attn_1", hidden);
  hidden = resBlock(style, "decoder.mid.block_2", hidden, channels);
  for (const stage of [...config.multipliers.keys()].toReversed()) {
    const name = `decoder.up.${stage}`;
    for (let block = 0; block <= config.resBlocks; block += 1) {
      hidden = resBlock(style, `${name}.block.${block}`, hidden, stageChannels(config, stage));
      if (config.attentionStages.includes(stage)) hidden = attend(`${name}.attn.${block}`, hidden);
    }
    if (stage > 0) hidden = doubleSize(parameters, `${name}.upsample`, hidden);
  }
  const normal = silu(style.norm("decoder.norm_out", hidden));
  return convolve(parameters, "decoder.conv_out", normal, { channels: config.outputChannels });
}
