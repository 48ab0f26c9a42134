/** What `earl model` is typed with; ../model.ts does it, and is loaded when it is asked for. */

import { Option, type Command } from "commander";

import { DTYPES } from "../../policy/float-formats.ts";
import { filePath, numberBetween, wholeNumber, wholeNumbers } from "../arguments.ts";
import type { InformationFlags, MergeFlags } from "../model.ts";
import type { Surroundings } from "../surroundings.ts";

/** Longer than any sequence that a policy is made for, wider than any. */
const MOST_TOKENS = 2 ** 30;
const MOST_RANK = 2 ** 20;
const MOST_WORKERS = 1024;
const MOST_GPU_GB = 10_000;
const MOST_COMPLETIONS = 4096;

export function addModel(program: Command, surroundings: Surroundings): void {
  const model = program.command("model").description("look at a policy, merge an adapter");
  model
    .command("info")
    .description(
      "print architecture, parameters, memory and the engine that can hold it; config.json is enough",
    )
    .argument("<dir>", "Hugging Face directory of a language model, an adapter, or a run", filePath)
    .option(
      "--tokens <n>",
      "tokens of a sequence (default: 2304, or what it was made for)",
      wholeNumber(1, MOST_TOKENS),
    )
    .option("--lora-rank <n>", "rank of the adapter that is reckoned with", wholeNumber(1, MOST_RANK), 16)
    .option(
      "--workers <n,n,…>",
      "plan what each GPU of engine.kind torch holds, for these numbers of workers",
      wholeNumbers(1, MOST_WORKERS),
    )
    .option("--gpu-memory <gb>", "memory of a GPU, in GB (10⁹ bytes)", numberBetween(1, MOST_GPU_GB))
    .option("--prompts <n>", "of a step that is planned", wholeNumber(1, MOST_COMPLETIONS), 16)
    .option("--group-size <n>", "completions of each", wholeNumber(1, MOST_COMPLETIONS), 8)
    .option("--prompt-tokens <n>", "tokens of a prompt", wholeNumber(1, MOST_TOKENS), 1103)
    .option("--completion-tokens <n>", "tokens of a completion", wholeNumber(1, MOST_TOKENS), 1055)
    .option(
      "--generation-rows <n>",
      "completions that a worker writes at once (default: all of its own)",
      wholeNumber(1, MOST_COMPLETIONS),
    )
    .option("--microbatch-groups <n>", "groups of a pass", wholeNumber(1, MOST_COMPLETIONS), 1)
    .option("--no-recompute", "keep what layers compute instead of computing it again (engine.recompute)")
    .option("--check", "read all weights and say whether they are finite; up to 1 GiB they are read anyway")
    .option("--json", "print JSON, sizes in bytes")
    .action(async (directory: string, flags: InformationFlags) => {
      const { describe } = await import("../model.ts");
      await describe(directory, flags, surroundings);
    });
  model
    .command("merge")
    .description("merge a LoRA adapter into its base and save the result")
    .argument("<base>", "Hugging Face directory of the base, or a run", filePath)
    .argument("<adapter>", "directory that PEFT or earl saved, or a run", filePath)
    .option("--out <dir>", "folder to write (required)", filePath)
    .addOption(
      new Option(
        "--type <type>",
        "type of the weights; each as in the base if not given, where bfloat16 rounds small changes away",
      ).choices(Object.values(DTYPES)),
    )
    .action(async (base: string, adapter: string, flags: MergeFlags) => {
      const { merge } = await import("../model.ts");
      await merge({ base, adapter, ...flags }, surroundings);
    });
}
