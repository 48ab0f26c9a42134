/** How the report names and colours arms, the same everywhere on the page. */

import type { ArmResult } from "../runs/arm-result.ts";

const COLOURS = ["orange", "blue", "green", "purple"] as const;

/** Names in the order of first appearance. */
export function distinct(names: readonly string[]): string[] {
  return [...new Set(names)];
}

/**
 * The CSS class that gives an arm its colour, by its place among the policies of the table; the copied source, a floor
 * and no policy, is grey.
 */
export function armClass(
  { arm, role }: Pick<ArmResult, "arm" | "role">,
  table: readonly ArmResult[],
): string {
  if (role === "copy") return "arm-grey";
  const policies = distinct(table.filter((row) => row.role !== "copy").map((row) => row.arm));
  return `arm-${COLOURS[Math.max(0, policies.indexOf(arm)) % COLOURS.length] ?? "blue"}`;
}
