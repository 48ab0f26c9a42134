/** Where the completions of a part of a request are drawn: on one worker, which the others need not wait for. */

import type { PolicyConfig } from "../../policy/config.ts";
import type { Segment } from "../../tokens/grammar.ts";
import type { TokenWriter } from "../generation-run.ts";
import { ofRank, type Cluster } from "./cluster.ts";
import type { FrameArray } from "./frames.ts";
import { nextNumber } from "./numbers.ts";
import { decodeOperations, prefillOperations } from "./operations.ts";

export interface WriterOptions {
  readonly policy: number;
  readonly config: PolicyConfig;
  readonly segments: readonly Segment[];
  readonly rank: number;
  /** Brings the weights that completions are written from up to date, on all ranks. */
  readonly sync: () => Promise<unknown>;
}

export function rankWriter(
  cluster: Cluster,
  { policy, config, segments, rank, sync }: WriterOptions,
): TokenWriter {
  const rows = new Map<number, { readonly rows: number; keys: number }>();
  return {
    startGeneration: async (start) => {
      const generation = nextNumber();
      const { drawing, lengths, tokens, prompts, groupSize, prefix, steps, temperature } = start;
      const guidance = start.guidance ?? null;
      const shape = { ...drawing, prompts, groupSize, prefix, steps, temperature, guidance };
      const said = { policy, generation, shape, lengths };
      // All ranks meet in the first, so they hear of it before what one of them hears alone.
      await Promise.all([
        sync(),
        cluster.call("start", { said, rank, arrays: new Map([["tokens", tokens]]) }),
      ]);
      rows.set(generation, { rows: prompts * groupSize, keys: prefix });
      const flops = lengths.reduce((sum, length) => sum + prefillOperations(config, length), 0);
      return { generation, flops };
    },
    decode: async (generation, { steps, drawn, tokens, forced, uniform }) => {
      const given = new Map<string, FrameArray>([
        ["tokens", tokens],
        ["forced", forced],
        ["uniform", uniform],
      ]);
      const said = { generation, steps, drawn };
      const { arrays } = await cluster.call("decode", { said, rank, arrays: given });
      const run = rows.get(generation) ?? { rows: 0, keys: 0 };
      run.keys += steps;
      const from = drawn.map((index) => segments[index]!);
      return {
        ids: arrays.get(ofRank(rank, "ids")) as BigInt64Array,
        logprobs: arrays.get(ofRank(rank, "logprobs")) as Float32Array,
        flops: decodeOperations(config, { steps, rows: run.rows, keys: run.keys, drawn: from }),
      };
    },
    endGeneration: async (generation) => {
      rows.delete(generation);
      // Where the engine has failed, the generation has gone with it.
      await cluster.call("end", { said: { generation }, rank }).catch(() => {});
    },
  };
}
