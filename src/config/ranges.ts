/**
 * Ranges that settings of several rooms share. What lies beyond a largest number is a slip of the keyboard: nothing is
 * laid out for it. What lies beyond float32 is no number to an engine.
 */

import { z } from "zod";

export const positive = z.number().positive();
export const share = z.number().min(0).max(1);

/** Peak learning rates. How large is too large depends on the policy; what float32 cannot hold always is. */
export const learningRate = z.number().min(1e-30).max(1e38);

/** Steps, or evaluations: more than any run will see, so that "as long as it takes" can be said. */
export function steps(least: number): z.ZodInt {
  return z.int().min(least).max(1e9);
}

/** Time to wait: a timer of more than 24 days would go off at once. */
export const seconds = z.number().positive().max(1e6);

/** Times that something is tried, asked or answered again. */
export function times(least: number): z.ZodInt {
  return z.int().min(least).max(1000);
}

/** Edits, prompts or rows that are in memory at once. */
export function rows(least: number): z.ZodInt {
  return z.int().min(least).max(65_536);
}

/** Scores, rewards, and what is counted or multiplied with them. */
export const value = z.number().min(-1e6).max(1e6);

/** How much better a score must be to count as better. */
export const improvement = z.number().min(0).max(1e6);

/** A folder or file, as it is typed. */
export const path = z
  .string()
  .min(1)
  .max(4096)
  .refine(isPlain, "must be a path, not blank and without control characters");

/** What something is called in a table. */
export const label = z
  .string()
  .min(1)
  .max(100)
  .refine(isPlain, "must be a name, not blank and without control characters");

function isPlain(text: string): boolean {
  return text.trim() !== "" && !/\p{Cc}/u.test(text);
}
