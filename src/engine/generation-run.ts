/** What is asked of where tokens are drawn: to begin a generation, and to take its rows on by a run of tokens. */

/** How a token is drawn. */
export interface Drawing {
  readonly isGreedy: boolean;
  /** 0 keeps all. */
  readonly topK: number;
  /** 1 keeps all. */
  readonly topP: number;
}

/** Stands in `forced` where a token is drawn from a segment; forced ids are 0 or above. */
export const drawnFrom = (segment: number): bigint => BigInt(-1 - segment);

export interface GenerationStart {
  /** P prefixes; with guidance twice the prompts, each with and then without its instruction. */
  readonly prompts: number;
  readonly groupSize: number;
  /** S, the longest prefix; shorter ones are padded on the right. May be 0. */
  readonly prefix: number;
  /** int64 [P·S], and the length of each prefix [P]. */
  readonly tokens: BigInt64Array;
  readonly lengths: readonly number[];
  /** Most steps it may take. */
  readonly steps: number;
  readonly drawing: Drawing;
  readonly temperature: number;
  /** Weight of the instruction; undefined draws from the prompts as they are. */
  readonly guidance: number | undefined;
}

/**
 * A run of N tokens of D rows: the completions of every prompt, of which a guided generation has half as many as it has
 * prefixes.
 */
export interface RunRequest {
  /** N. */
  readonly steps: number;
  /** The last id of each row so far, int64 [D]. */
  readonly tokens: BigInt64Array;
  /** What follows: a forced id, or `drawnFrom(segment)`, int64 [N·D]. */
  readonly forced: BigInt64Array;
  /** A number in [0, 1) for each draw, [N·D]. */
  readonly uniform: Float32Array;
  /** Segments that some row draws from. */
  readonly drawn: readonly number[];
}

/** Ids and, where they were drawn, log-probabilities, [N·D]; empty where all was forced. */
export interface WrittenRun {
  readonly ids: BigInt64Array;
  readonly logprobs: Float32Array;
}

/** Where tokens are drawn. Generations are known by the number that they were begun with. */
export interface TokenWriter {
  startGeneration(start: GenerationStart): Promise<{ readonly generation: number; readonly flops: number }>;
  /** Takes every row of a generation on by a run of tokens. */
  decode(generation: number, run: RunRequest): Promise<WrittenRun & { readonly flops: number }>;
  /** Frees a generation, whether it came to its end or not. */
  endGeneration(generation: number): Promise<void>;
}
