/**
 * Where a policy and its vision tokenizer run. A host is opened once from the config's engine section and opens both, so
 * that they can live on the same machines; whatever it opened ends with it.
 */

import type { PolicyConfig } from "../policy/config.ts";
import type { LoraSettings } from "../policy/lora.ts";
import type { Grammar } from "../tokens/grammar.ts";
import type { MovqConfigFile } from "../tokens/movq/config-file.ts";
import type { MovqNumbers } from "../tokens/movq/movq-model.ts";
import type { VisionTokenizer } from "../tokens/vision-tokenizer.ts";
import type { OptimizerSettings } from "./optimizer-settings.ts";
import type { CheckpointFiles, OnLoad, PolicyEngine, PolicyWeights } from "./policy-engine.ts";

/** Every weight, adapters of these settings, or nothing. */
export type Trained = "all" | "none" | LoraSettings;

export interface HostedPolicy {
  /** Names it in errors. */
  readonly name: string;
  readonly config: PolicyConfig;
  readonly trained: Trained;
}

export interface EngineRequest extends HostedPolicy {
  readonly grammar: Grammar;
  readonly weights: PolicyWeights;
  /**
   * What a KL term holds the policy near: the weights it starts from, which costs nothing before the first step, or
   * others. Nothing is kept where not given.
   */
  readonly reference?: "start" | PolicyWeights | undefined;
  readonly optimizer: OptimizerSettings;
  /** Tokenizer files and the like, written beside the weights by `save`. */
  readonly companions?: CheckpointFiles;
  /** Told how far the parameters have been read. */
  readonly onLoad?: OnLoad | undefined;
}

/** What a host is told about where it is used. */
export interface EngineContext {
  /** Where output of other processes goes; a file in the user's cache where not given. */
  readonly logFile?: string;
}

export interface EngineHost extends AsyncDisposable {
  /** What it computes on, for manifests: "cpu", "webgpu". */
  readonly device: string;
  /** Throws EngineError for a policy that it cannot hold: asked before weights are drawn or read. */
  requireRoom(policy: HostedPolicy): void;
  /** Throws CheckpointError or ShapeError where weights do not fit the policy. */
  openEngine(request: EngineRequest): Promise<PolicyEngine>;
  /** The vision tokenizer that lies in a directory. Throws CheckpointError where none does. */
  openVision(directory: string): Promise<VisionTokenizer>;
  /** The numbers of a MoVQ where this host computes them; not there where that is in this process. */
  openMovq?(directory: string, file: MovqConfigFile): Promise<MovqNumbers>;
}
