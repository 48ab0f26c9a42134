/** What `earl verify` is typed with; ../verify.ts does it, and is loaded when it is asked for. */

import { Option, type Command } from "commander";

import { filePath, wholeNumber } from "../arguments.ts";
import type { Surroundings } from "../surroundings.ts";
import type { VerifyFlags } from "../verify.ts";

export function addVerify(program: Command, surroundings: Surroundings): void {
  program
    .command("verify")
    .description("compare earl with a recording of another system; exits 1 past a tolerance")
    .argument("<path>", "folder or file of a recording (docs/agreement.md lists the kinds)", filePath)
    .option("--tokenizer <dir>", "text tokenizer of a recording of sequences", filePath)
    .addOption(
      new Option("--engine <kind>", "what computes language models and MoVQ")
        .choices(["onnx", "torch"])
        .default("onnx"),
    )
    .addOption(
      new Option(
        "--device <device>",
        "of the torch engine; else the one its environment was installed for",
      ).choices(["cpu", "cuda"]),
    )
    .option(
      "--workers <n>",
      "of the torch engine; else every GPU, or 2 ranks on the CPU",
      wholeNumber(1, 1024),
    )
    .action(async (path: string, flags: VerifyFlags) => {
      const { verify } = await import("../verify.ts");
      await verify(path, flags, surroundings);
    });
}
