/** A Ray cluster as a host: policies and MoVQ in its workers; a patch codebook, which is a table, in this process. */

import { join } from "node:path";

import { userCacheFolder } from "../../config/env.ts";
import { requireMemory } from "../../policy/required-memory.ts";
import type { MovqConfigFile } from "../../tokens/movq/config-file.ts";
import { MovqPictures, type MovqRunner } from "../../tokens/movq/movq-pictures.ts";
import { placeMovqWeights } from "../../tokens/movq/weights.ts";
import { openVisionTokenizer } from "../../tokens/open-vision-tokenizer.ts";
import type { VisionTokenizer } from "../../tokens/vision-tokenizer.ts";
import type { EngineContext, EngineHost, EngineRequest, HostedPolicy } from "../engine-host.ts";
import type { PolicyEngine } from "../policy-engine.ts";
import { ClusterMovq } from "./cluster-movq.ts";
import { Cluster } from "./cluster.ts";
import { requirePython } from "./python-environment.ts";
import { openTorchEngine } from "./torch-engine.ts";
import type { TorchSettings } from "./torch-settings.ts";

/** Throws EngineError where there is no Python to start. */
export async function openTorchHost(
  settings: TorchSettings,
  { logFile }: EngineContext = {},
): Promise<EngineHost> {
  requirePython(settings.python);
  return new TorchHost(settings, logFile ?? join(userCacheFolder(), "earl", "engine.log"));
}

class TorchHost implements EngineHost {
  readonly #settings: TorchSettings;
  readonly #logFile: string;
  readonly #opened: AsyncDisposable[] = [];
  /** Started for the first policy or picture: until then there may be no folder for its log. */
  #cluster: Promise<Cluster> | undefined;

  constructor(settings: TorchSettings, logFile: string) {
    this.#settings = settings;
    this.#logFile = logFile;
  }

  get device(): string {
    return `torch ${this.#settings.device}`;
  }

  requireRoom({ name, config, trained }: HostedPolicy): void {
    // What cards hold is known by the workers alone.
    if (this.#settings.device === "cpu")
      requireMemory(name, config, trained === "none" ? {} : { learned: trained });
  }

  async openEngine(request: EngineRequest): Promise<PolicyEngine> {
    this.requireRoom(request);
    const cluster = await this.#started();
    const { precision, recompute, offload, microbatchGroups, generationRows } = this.#settings;
    const settings = { precision, recompute, offload, microbatchGroups, generationRows };
    return this.#kept(await openTorchEngine(cluster, { ...request, ...settings }));
  }

  async openVision(directory: string): Promise<VisionTokenizer> {
    const movq = async (place: string, file: MovqConfigFile): Promise<MovqRunner> =>
      new MovqPictures(await this.openMovq(place, file));
    return this.#kept(await openVisionTokenizer(directory, { movq }));
  }

  async openMovq(directory: string, file: MovqConfigFile): Promise<ClusterMovq> {
    const places = await placeMovqWeights(directory, file);
    return new ClusterMovq(() => this.#started(), file.config, places);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#opened.splice(0).toReversed()) await one[Symbol.asyncDispose]();
    const cluster = await this.#cluster?.catch(() => {});
    await cluster?.[Symbol.asyncDispose]();
  }

  #started(): Promise<Cluster> {
    this.#cluster ??= Cluster.start({ ...this.#settings, logFile: this.#logFile });
    return this.#cluster;
  }

  #kept<Opened extends AsyncDisposable>(opened: Opened): Opened {
    this.#opened.push(opened);
    return opened;
  }
}
