/** Where the best policy does worst: the lowest rewards of the last arm, because that is where work remains. */

import type { Album } from "./album.ts";
import { comparisonRow } from "./comparison-grid.ts";
import { fixed, plural } from "./format.ts";
import { html, type Html } from "./html.ts";
import type { Comparison } from "./read-run.ts";

const SHOWN = 8;

/** The comparisons whose last arm scored lowest, lowest first. Exact or unscored ones are no worst cases. */
export function worstCases(rows: readonly Comparison[], most = SHOWN): Comparison[] {
  const reward = (row: Comparison): number | undefined => {
    const last = row.arms.at(-1);
    return last === undefined || last.isExact === true ? undefined : last.reward;
  };
  return rows
    .filter((row) => reward(row) !== undefined)
    .toSorted((a, b) => (reward(a) ?? 0) - (reward(b) ?? 0))
    .slice(0, most);
}

/** The section, undefined where nothing went wrong. `rows` are all logged comparisons. */
export function worstCasesSection(rows: readonly Comparison[], album: Album): Html | undefined {
  const worst = worstCases(rows);
  const failed = rows.filter((row) => row.arms.at(-1)?.problem !== undefined).length;
  const [lowest, arm] = [worst[0]?.arms.at(-1)?.reward, rows[0]?.arms.at(-1)?.arm];
  if (arm === undefined || (lowest === undefined && failed === 0)) return undefined;
  return html`<section id="worst">
    <h2>Worst cases</h2>
    <p class="note">
      ${lowest !== undefined && `The lowest rewards of ${arm} among the compared edits, from ${fixed(lowest, 1)} up. `}
      ${failed > 0 && `${plural(failed, "completion")} could not be scored.`}
    </p>
    <div class="rows">${worst.map((row) => comparisonRow(row, album))}</div>
  </section>`;
}
