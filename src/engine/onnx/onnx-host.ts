/** This process as a host: policies in threads of their own, on the CPU or a graphics card, the vision tokenizer beside. */

import { requireMemory } from "../../policy/required-memory.ts";
import { requireDevice } from "../../tensor/find-device.ts";
import { openVisionTokenizer } from "../../tokens/open-vision-tokenizer.ts";
import type { VisionTokenizer } from "../../tokens/vision-tokenizer.ts";
import type { EngineHost, EngineRequest, HostedPolicy } from "../engine-host.ts";
import type { PolicyEngine } from "../policy-engine.ts";
import { openOnnxEngine } from "./onnx-engine.ts";
import type { OnnxSettings } from "./onnx-settings.ts";

/** Throws EngineError where the device is not there. */
export async function openOnnxHost(settings: OnnxSettings): Promise<EngineHost> {
  await requireDevice(settings.device);
  return new OnnxHost(settings);
}

class OnnxHost implements EngineHost {
  readonly #settings: OnnxSettings;
  readonly #opened: AsyncDisposable[] = [];

  constructor(settings: OnnxSettings) {
    this.#settings = settings;
  }

  get device(): string {
    return this.#settings.device;
  }

  requireRoom({ name, config, trained }: HostedPolicy): void {
    requireMemory(name, config, trained === "none" ? {} : { learned: trained });
  }

  async openEngine(request: EngineRequest): Promise<PolicyEngine> {
    this.requireRoom(request);
    const { name: _name, ...policy } = request;
    const { device, threads, microbatchTokens, generationRows, recompute } = this.#settings;
    const settings = { device, threads, microbatchTokens, generationRows, recompute };
    return this.#kept(await openOnnxEngine({ ...policy, ...settings }));
  }

  async openVision(directory: string): Promise<VisionTokenizer> {
    return this.#kept(await openVisionTokenizer(directory));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The last opened first; what its user closed before is closed already.
    for (const one of this.#opened.splice(0).toReversed()) await one[Symbol.asyncDispose]();
  }

  #kept<Opened extends AsyncDisposable>(opened: Opened): Opened {
    this.#opened.push(opened);
    return opened;
  }
}
