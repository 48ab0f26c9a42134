/** The policy that a run starts from. */

import type { OpenDataset } from "../data/open-dataset.ts";
import type { EngineHost } from "../engine/engine-host.ts";
import { resolveCheckpoint } from "../runs/checkpoint.ts";
import { RunDirectory } from "../runs/run-directory.ts";
import { freshPolicy, freshTokenizers, savedTokenizers } from "./fresh-policy.ts";
import { openPolicy, type OpenPolicy } from "./open-policy.ts";
import type { RunConfig } from "./run-config.ts";
import { withAdapter } from "./with-adapter.ts";

/**
 * The policy that a config starts from. `saved` is a checkpoint of the run where it is resumed: a fresh policy has its
 * tokenizers from there, since those fitted to other files would speak another language than its weights.
 */
export async function startPolicy(
  host: EngineHost,
  config: RunConfig,
  { train, saved }: { readonly train: OpenDataset; readonly saved?: string | undefined },
): Promise<OpenPolicy> {
  const { policy, tokenizer, seed, data } = config;
  if (policy.checkpoint === undefined) {
    const tokenizers =
      saved === undefined
        ? freshTokenizers(host, tokenizer, { train, seed, writesThoughts: data.thoughts })
        : savedTokenizers(host, saved);
    const fresh = freshPolicy(policy, await tokenizers, seed);
    host.requireRoom({ name: "The policy of these settings", config: fresh.config, trained: "all" });
    return fresh;
  }
  // A run stands for its best checkpoint.
  const isRun = new RunDirectory(policy.checkpoint).exists();
  const checkpoint = isRun ? resolveCheckpoint(policy.checkpoint) : policy.checkpoint;
  const start = withAdapter(await openPolicy(host, checkpoint, policy), policy.lora, seed);
  host.requireRoom({ name: checkpoint, config: start.config, trained: start.adapter ?? "all" });
  return start;
}
