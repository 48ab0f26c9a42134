/** A policy that is to be trained: all its weights, or the adapter that the config asks for. */

import { ConfigError } from "../errors.ts";
import { loraParameterCount, type LoraSettings } from "../policy/lora.ts";
import type { AdapterSettings } from "../policy/policy-settings.ts";
import { PROJECTIONS } from "../policy/parameters.ts";
import type { OpenPolicy } from "./open-policy.ts";

/**
 * The opened policy with a fresh adapter of these settings, or with the one it came with. Throws ConfigError where a
 * trained adapter would be trained as if it were whole weights.
 */
export function withAdapter(
  start: OpenPolicy,
  wanted: AdapterSettings | undefined,
  seed: number,
): OpenPolicy {
  if (wanted === undefined) {
    if (start.adapter === undefined) return start;
    throw new ConfigError("policy.checkpoint is a LoRA adapter, but the config has no policy.lora.", {
      hint: "Set policy.lora as the adapter was trained, or make it part of its base first: earl model merge.",
    });
  }
  const adapter = continued(start, settingsOf(wanted, start.isNested));
  const learned = (loraParameterCount(start.config, adapter) / 1e6).toFixed(2);
  return {
    ...start,
    adapter,
    weights: () => {
      const weights = start.weights();
      return weights.kind === "files" ? { ...weights, seed } : weights;
    },
    about: `${start.about}, trained through ${learned} M in an adapter of rank ${adapter.rank}`,
  };
}

/** An adapter that is trained on stays what it is where the config asks for its numbers; else a reader compares both. */
function continued({ adapter }: OpenPolicy, wanted: LoraSettings): LoraSettings {
  const isSame =
    adapter !== undefined &&
    adapter.rank === wanted.rank &&
    adapter.alpha === wanted.alpha &&
    adapter.targets.join() === wanted.targets.join();
  return isSame ? adapter : wanted;
}

function settingsOf({ rank, alpha, targets }: AdapterSettings, isNested = false): LoraSettings {
  const names = new Set<string>(targets);
  return {
    rank,
    alpha,
    targets: PROJECTIONS.filter((projection) => names.has(projection.replace(/^.*\./, ""))),
    isRankStabilised: false,
    isNested,
  };
}
