/** The policy that a run starts from. */

import type { OpenDataset } from "../data/open-dataset.ts";
import type { EngineHost } from "../engine/engine-host.ts";
import { HubNames, localTokenizers } from "./hub-names.ts";
import { freshPolicy, freshTokenizers, savedTokenizers } from "./fresh-policy.ts";
import { openPolicy, type OpenPolicy } from "./open-policy.ts";
import type { RunConfig } from "./run-config.ts";
import { withAdapter } from "./with-adapter.ts";

interface StartRequest {
  readonly train: OpenDataset;
  readonly saved?: string | undefined;
  /** Finds what is named on the hub. */
  readonly names?: HubNames | undefined;
}

/**
 * The policy that a config starts from. `saved` is a checkpoint of the run where it is resumed: a fresh policy has its
 * tokenizers from there, since those fitted to other files would speak another language than its weights.
 */
export async function startPolicy(
  host: EngineHost,
  config: RunConfig,
  { train, saved, names = new HubNames() }: StartRequest,
): Promise<OpenPolicy> {
  const { policy, tokenizer, seed, data } = config;
  if (policy.checkpoint === undefined) {
    const tokenizers =
      saved === undefined
        ? freshTokenizers(host, tokenizer, { train, seed, writesThoughts: data.thoughts })
        : savedTokenizers(host, saved);
    const fresh = await freshPolicy(policy, await tokenizers, seed);
    host.requireRoom({ name: "The policy of these settings", config: fresh.config, trained: "all" });
    return fresh;
  }
  // A run stands for its best checkpoint, a model of the hub for its files.
  const checkpoint = await names.checkpoint(policy.checkpoint);
  const use = { ...policy, ...(await localTokenizers(policy, names)) };
  const start = withAdapter(await openPolicy(host, checkpoint, use), policy.lora, seed);
  host.requireRoom({ name: checkpoint, config: start.config, trained: start.adapter ?? "all" });
  return start;
}
