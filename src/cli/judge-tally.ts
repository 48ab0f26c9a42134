/** What a judge was asked, in lines for people. */

import { formatDuration } from "../format.ts";
import type { CallTally } from "../judge/call-tally.ts";

/** One or two lines; none where nothing was asked. */
export function tallyLines(tally: CallTally): string[] {
  const { calls, cached, latency, usage, cost, attempts } = tally;
  if (calls === 0) return [];
  const parts = [`${calls} questions, ${cached} answered before`];
  if (latency !== undefined) {
    const [half, most] = [latency.p50, latency.p95].map(formatDuration);
    parts.push(`half within ${half}, 95 % within ${most}`);
  }
  const tokens = usage.inputTokens + usage.outputTokens;
  if (tokens > 0) parts.push(`${usage.inputTokens} + ${usage.outputTokens} tokens`);
  if (cost > 0) parts.push(`cost ${cost.toFixed(2)}`);
  const failures = Object.entries(attempts).filter(([status]) => status !== "answered");
  const lines = [parts.join("; ")];
  if (failures.length > 0) {
    lines.push(`requests that failed: ${failures.map(([status, count]) => `${count} ${status}`).join(", ")}`);
  }
  return lines;
}
