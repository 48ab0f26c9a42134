/** What a MoVQ vision tokenizer is: the sizes of Emu3's encoder, codebook and decoder. */

/** Group norm has this many groups wherever it stands. */
export const NORM_GROUPS = 32;

/** Of a stage; Emu3's last has 1024. */
const MOST_CHANNELS = 2 ** 14;

export interface MovqConfig {
  readonly codebookSize: number;
  /** Numbers of one codebook entry, and of one place of the latent. */
  readonly latentChannels: number;
  readonly inputChannels: number;
  readonly outputChannels: number;
  /** Frames that one latent frame stands for, a power of two. A picture is shown to the encoder as that many. */
  readonly temporalFactor: number;
  /** Channels of stage s are `baseChannels · multipliers[s]`. Every stage but the last halves both sides. */
  readonly baseChannels: number;
  readonly multipliers: readonly number[];
  /** Residual blocks of an encoder stage; a decoder stage has one more. */
  readonly resBlocks: number;
  /** Stages with attention after each residual block. */
  readonly attentionStages: readonly number[];
  readonly attentionHeads: number;
}

/** The published one (BAAI/Emu3-VisionTokenizer): 270,740,287 parameters. */
export const EMU3_MOVQ_CONFIG: MovqConfig = {
  codebookSize: 32_768,
  latentChannels: 4,
  inputChannels: 3,
  outputChannels: 3,
  temporalFactor: 4,
  baseChannels: 256,
  multipliers: [1, 2, 2, 4],
  resBlocks: 2,
  attentionStages: [3],
  attentionHeads: 1,
};

/** Pixels along one side of what a code stands for: 8 for Emu3. */
export function spatialFactor(config: MovqConfig): number {
  return 2 ** (config.multipliers.length - 1);
}

/** Times that time is halved by the encoder and doubled by the decoder. */
export function temporalStages(config: MovqConfig): number {
  return Math.log2(config.temporalFactor);
}

/** Channels of a stage. */
export function stageChannels(config: MovqConfig, stage: number): number {
  return config.baseChannels * (config.multipliers[stage] as number);
}

/** What about the sizes cannot work together, one sentence each; empty for a sound config. */
export function movqMisfits(config: MovqConfig): string[] {
  const faults: string[] = [];
  for (const stage of config.multipliers.keys()) {
    const channels = stageChannels(config, stage);
    if (channels > MOST_CHANNELS)
      faults.push(`stage ${stage} has ${channels} channels, at most ${MOST_CHANNELS} are taken`);
    if (channels % NORM_GROUPS !== 0) {
      faults.push(`stage ${stage} has ${channels} channels, which ${NORM_GROUPS} norm groups do not divide`);
    }
    if (channels % config.attentionHeads !== 0) {
      faults.push(
        `stage ${stage} has ${channels} channels, which ${config.attentionHeads} heads do not divide`,
      );
    }
  }
  if (config.baseChannels % NORM_GROUPS !== 0) {
    faults.push(`${config.baseChannels} base channels are not a multiple of ${NORM_GROUPS} norm groups`);
  }
  if (!Number.isInteger(temporalStages(config))) {
    faults.push(`the temporal factor ${config.temporalFactor} is not a power of two`);
  }
  return faults;
}
