/** What `earl doctor` is typed with; ../doctor.ts does it, and is loaded when it is asked for. */

import type { Command } from "commander";

import { deviceOption } from "../arguments.ts";
import type { DoctorFlags } from "../doctor.ts";
import type { Surroundings } from "../surroundings.ts";

export function addDoctor(program: Command, surroundings: Surroundings): void {
  program
    .command("doctor")
    .description("check that this machine can run earl")
    .addOption(deviceOption())
    .action(async (flags: DoctorFlags) => {
      const { doctor } = await import("../doctor.ts");
      await doctor(flags, surroundings);
    });
}
