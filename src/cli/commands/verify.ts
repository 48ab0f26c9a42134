/** What `earl verify` is typed with; ../verify.ts does it, and is loaded when it is asked for. */

import type { Command } from "commander";

import { filePath } from "../arguments.ts";
import type { Surroundings } from "../surroundings.ts";
import type { VerifyFlags } from "../verify.ts";

export function addVerify(program: Command, surroundings: Surroundings): void {
  program
    .command("verify")
    .description("compare earl with a recording of another system; exits 1 past a tolerance")
    .argument("<path>", "folder or file of a recording (docs/agreement.md lists the kinds)", filePath)
    .option("--tokenizer <dir>", "text tokenizer of a recording of sequences", filePath)
    .action(async (path: string, flags: VerifyFlags) => {
      const { verify } = await import("../verify.ts");
      await verify(path, flags, surroundings);
    });
}
