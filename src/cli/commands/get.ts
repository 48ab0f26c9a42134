/** What `earl get` is typed with; ../get.ts does it, and is loaded when it is asked for. */

import type { Command } from "commander";

import { collect } from "../arguments.ts";
import type { GetFlags } from "../get.ts";
import type { Surroundings } from "../surroundings.ts";

export function addGet(program: Command, surroundings: Surroundings): void {
  program
    .command("get")
    .description("fetch a model or a dataset of the Hugging Face hub ahead, into its own cache")
    .argument(
      "<name>",
      "owner/name of a model, hf://owner/name of a dataset, or a kind of data (magicbrush); @revision after it",
    )
    .option("--include <pattern>", "files to fetch, as data/dev-*; may be given several times", collect, [])
    .option("--dry-run", "say which files and how much, and fetch nothing")
    .addHelpText(
      "after",
      "\nHF_TOKEN, HF_ENDPOINT, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE mean what they mean to Hugging Face's own libraries.",
    )
    .action(async (name: string, flags: GetFlags) => {
      const { get } = await import("../get.ts");
      await get(name, flags, surroundings);
    });
}
