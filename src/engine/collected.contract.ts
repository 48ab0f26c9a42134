/** A generation taken to its end, for the contract of engines. */

import type { CompletedGroup, Completion } from "./policy-engine.ts";

export type Written = readonly (readonly Completion[])[];

/** Every group's completions, in the order of the prompts. */
export async function collect(groups: AsyncIterable<CompletedGroup>): Promise<Written> {
  const result: (readonly Completion[])[] = [];
  for await (const { prompt, completions } of groups) result[prompt] = completions;
  return result;
}

/** How many groups came, and what ended them if not the last one. */
export async function collectUntilEnd(
  groups: AsyncIterable<CompletedGroup>,
): Promise<{ groups: number; error: unknown }> {
  const seen: CompletedGroup[] = [];
  try {
    for await (const group of groups) seen.push(group);
    return { groups: seen.length, error: undefined };
  } catch (error) {
    return { groups: seen.length, error };
  }
}

export const idsOf = (written: Written): number[][] => written.flat().map(({ ids }) => [...ids]);
export const sumOf = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value, 0);
export const countFree = (constraints: Int8Array): number =>
  constraints.filter((segment) => segment >= 0).length;
