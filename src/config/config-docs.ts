/** docs/config.md, generated from the schema; a test fails when the file is stale. */

import { listSettings, type Declared, type Setting } from "./settings.ts";

const HEADER = `# Settings

Every setting of a config file. This page is generated from \`src/experiment/run-config.ts\` by \`earl config docs\`; do not
edit it. Any setting can be changed on the command line: \`--set grpo.groupSize=16\`.
`;

/** The Markdown page: one table for each group of settings. */
export function configDocs(declaration: Declared): string {
  const groups = new Map<string, Setting[]>();
  for (const setting of listSettings(declaration)) {
    const group = setting.key.split(".").slice(0, -1).join(".");
    groups.set(group, [...(groups.get(group) ?? []), setting]);
  }
  const tables = [...groups].map(([group, settings]) => {
    const title = group === "" ? "Run" : `\`${group}\``;
    const rows = settings.map(
      ({ key, type, range, about, ...rest }) =>
        `| \`${key}\` | ${type} | ${range} | ${standard(rest)} | ${about} |`,
    );
    return [
      `\n## ${title}\n`,
      "| setting | type | range | default | meaning |",
      "| --- | --- | --- | --- | --- |",
      ...rows,
    ].join("\n");
  });
  return `${HEADER}${tables.join("\n")}\n`;
}

function standard({ default: value, isRequired }: Pick<Setting, "default" | "isRequired">): string {
  if (value !== undefined) return `\`${JSON.stringify(value)}\``;
  return isRequired ? "must be given" : "none";
}
