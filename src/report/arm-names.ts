/**
 * What the names of arms tell the report: which one RL trained, which one only copies, which colour each has
 * everywhere on the page.
 */

const COLOURS = ["orange", "blue", "green", "purple"] as const;

/** An arm that reinforcement learning trained. */
export function isRlArm(arm: string): boolean {
  return /\bRL\b|GRPO/i.test(arm);
}

/** The arm that hands the source back unchanged: the floor, not a policy. */
export function isCopyArm(arm: string): boolean {
  return /cop(y|ied)/i.test(arm);
}

/** Names in the order of first appearance. */
export function distinct(names: readonly string[]): string[] {
  return [...new Set(names)];
}

/** The CSS class that gives an arm its colour, the same in every table. */
export function armClass(arm: string, arms: readonly string[]): string {
  if (isCopyArm(arm)) return "arm-grey";
  const place = arms.filter((name) => !isCopyArm(name)).indexOf(arm);
  return `arm-${COLOURS[Math.max(0, place) % COLOURS.length] ?? "blue"}`;
}
