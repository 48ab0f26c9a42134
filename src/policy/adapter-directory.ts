/** An adapter on disk with the base that its adapter_config.json names: together they are a policy. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "../errors.ts";
import { readPolicyConfig } from "./config-file.ts";
import { ADAPTER_CONFIG_FILE, readAdapterBase } from "./lora-config-file.ts";
import { openLoraDirectory } from "./lora-files.ts";
import { loraShapes, type LoraSettings } from "./lora.ts";
import { PROJECTIONS } from "./parameters.ts";

export interface AdapterDirectory {
  /** Hugging Face directory of the weights that it belongs to. */
  readonly base: string;
  readonly settings: LoraSettings;
}

/**
 * What an adapter is and what it belongs to; undefined where the directory holds no adapter. Throws CheckpointError
 * where the base is not on disk, or the adapter does not fit it.
 */
export async function readAdapterDirectory(directory: string): Promise<AdapterDirectory | undefined> {
  const file = join(directory, ADAPTER_CONFIG_FILE);
  if (!existsSync(file)) return undefined;
  const base = await readAdapterBase(file);
  if (base === undefined || !existsSync(join(base, "config.json"))) {
    throw new CheckpointError(
      `The adapter in ${directory} belongs to ${base ?? "weights that it does not name"}, which is no directory with a config.json.`,
      { hint: `Download its base, and set base_model_name_or_path in ${file} to where it lies.` },
    );
  }
  const { config, isNested } = await readPolicyConfig(base);
  const adapter = await openLoraDirectory(directory, config);
  await adapter.close();
  const targets = PROJECTIONS.filter((projection) =>
    adapter.names.some((name) => name.endsWith(`.${projection}.weight`)),
  );
  const settings = { ...adapter.settings, targets, isNested };
  const isWhole = loraShapes(config, settings).length === adapter.names.length;
  return { base, settings: isWhole ? settings : { ...settings, only: adapter.names } };
}
