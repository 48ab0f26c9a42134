/** docs/metrics.md, generated from the table of metrics; a test fails when the file is stale. */

import { METRIC_FAMILIES, METRICS } from "./metrics.ts";

const HEADER = `# Metrics

Every metric a run may log, as it appears in \`events.jsonl\`. This page is generated from \`src/runs/metrics.ts\` by
\`earl config docs\`; do not edit it. Names are TRL's where TRL has one. \`<name>\` stands for each reward of the run and,
after a slash, for each subscore it is made of: \`rewards/reference/mean\`, \`rewards/reference/success/mean\`.

| metric | unit | better | meaning |
| --- | --- | --- | --- |
`;

/** The Markdown page. */
export function metricsDocs(): string {
  const rows = Object.entries({ ...METRICS, ...METRIC_FAMILIES }).map(
    ([name, { unit, better, about }]) =>
      `| \`${name}\` | ${unit} | ${better === "neither" ? "" : better} | ${about} |\n`,
  );
  return HEADER + rows.join("");
}
