/** An engine for an opened policy. */

import type { EngineHost } from "../engine/engine-host.ts";
import type { OptimizerSettings } from "../engine/optimizer-settings.ts";
import type { OnLoad, PolicyEngine } from "../engine/policy-engine.ts";
import type { OpenPolicy } from "./open-policy.ts";

export interface EnginePurpose {
  readonly optimizer: OptimizerSettings;
  /** One for inference trains nothing. */
  readonly purpose: "training" | "inference";
  /** Keeps the weights it starts from as the reference policy. */
  readonly keepsReference?: boolean;
  /** Hears how far the weights have been read. */
  readonly onLoad?: OnLoad;
}

/** An engine that holds the policy's weights. */
export function openEngine(
  host: EngineHost,
  policy: OpenPolicy,
  { optimizer, purpose, keepsReference = false, onLoad }: EnginePurpose,
): Promise<PolicyEngine> {
  const { about: name, config, grammar, companions, adapter } = policy;
  return host.openEngine({
    name,
    config,
    grammar,
    companions,
    weights: policy.weights(),
    reference: keepsReference ? "start" : undefined,
    trained: adapter ?? (purpose === "training" ? "all" : "none"),
    optimizer,
    onLoad,
  });
}
