/** `earl judge agreement SCORES.json`: does a judge order edits as people do? */

import { readFile } from "node:fs/promises";
import { DataError } from "../errors.ts";
import { formatTable } from "../format.ts";
import { ASPECTS, peopleAgreement, RatedScores, type PeopleAgreement } from "../judge/people-agreement.ts";
import type { Surroundings } from "./surroundings.ts";

export interface AgreementFlags {
  readonly json?: true;
}

export async function compareWithPeople(
  path: string,
  { json }: AgreementFlags,
  { stdout }: Surroundings,
): Promise<void> {
  const agreement = peopleAgreement(await readScores(path));
  stdout.write(json === true ? `${JSON.stringify(agreement, null, 2)}\n` : report(agreement));
}

const HINT =
  'It holds {"models": {NAME: [{"sc": [a, b], "pq": [a, b], "human": [[SC, PQ] of each person]}]}}.';

async function readScores(path: string): Promise<RatedScores> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new DataError(`${path} cannot be read as JSON.`, { hint: HINT, cause });
  }
  const scores = RatedScores.safeParse(json);
  if (scores.success && Object.keys(scores.data.models).length > 0) return scores.data;
  const issue = scores.error?.issues[0];
  throw new DataError(
    `${path}: ${issue === undefined ? "no models" : `${issue.path.join(".")}: ${issue.message}`}.`,
    {
      hint: HINT,
    },
  );
}

function report({ models, mean, published, printed, fractions }: PeopleAgreement): string {
  const four = (value: number | undefined): string =>
    value === undefined || Number.isNaN(value) ? "—" : value.toFixed(4);
  const row = (name: string, figures: Readonly<Record<string, number | undefined>>): string[] => [
    name,
    "",
    "",
    ...ASPECTS.map((aspect) => four(figures[aspect])),
  ];
  const table = formatTable([
    ["Spearman's ρ with people", "rows", "mean O", ...ASPECTS],
    ...models.map(({ model, count, meanO, rho }) => [
      model,
      String(count),
      meanO.toFixed(3),
      ...ASPECTS.map((aspect) => four(rho[aspect])),
    ]),
    row(`mean of ${models.length} models`, mean),
    row("with whole scores, as VIEScore's script", published),
    row("tanh of that, as VIEScore prints it", printed),
  ]);
  return `${table}

The plain mean is the figure to compare judges by. VIEScore's authors cut scores to whole numbers (${fractions} here are not) and meant to average correlations by Fisher's z, atanh and back by tanh; their script does the second half alone, so that each figure in their tables is the tanh of the mean, which is smaller.
`;
}
