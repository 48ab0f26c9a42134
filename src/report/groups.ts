/**
 * Whole groups as GRPO saw them: every completion of one prompt with its reward and its advantage, early and late in
 * training. This is the signal itself: what is pushed up, what is pushed down, and when nothing is.
 */

import type { LoggedCompletion } from "../runs/event.ts";
import { albumImage, type Album } from "./album.ts";
import { distinct } from "./arm-names.ts";
import { failureWords } from "./comparison-grid.ts";
import { counted, fixed, signed } from "./format.ts";
import { html, type Html } from "./html.ts";
import { eventsOf, type GroupLogged, type RunRecord } from "./read-run.ts";

const GROUPS_A_MOMENT = 3;

export interface GroupMoment {
  readonly step: number;
  readonly groups: readonly GroupLogged[];
}

function rewardsDiffer({ group }: GroupLogged): boolean {
  return new Set(group.completions.flatMap(({ reward }) => reward ?? [])).size > 1;
}

/** A few groups of the first and of the last logged step; those that teach something and those seen twice come first. */
export function groupMoments(run: RunRecord, most = GROUPS_A_MOMENT): GroupMoment[] {
  const logged = eventsOf(run, "group-logged");
  const steps = logged.map((event) => event.step).toSorted((a, b) => a - b);
  const moments = [...new Set([...steps.slice(0, 1), ...steps.slice(-1)])];
  return moments.map((step) => {
    // A resumed run may say a group again; the last word counts.
    const here = new Map(
      logged.filter((event) => event.step === step).map((event) => [event.group.exampleId, event]),
    );
    const elsewhere = new Set(
      logged
        .filter((event) => event.step !== step && moments.includes(event.step))
        .map((event) => event.group.exampleId),
    );
    const rank = (event: GroupLogged): number =>
      (elsewhere.has(event.group.exampleId) ? 2 : 0) + (rewardsDiffer(event) ? 1 : 0);
    return { step, groups: [...here.values()].toSorted((a, b) => rank(b) - rank(a)).slice(0, most) };
  });
}

/** Every picture of a group. */
export function groupPictures({ group }: GroupLogged): string[] {
  return [group.source, ...(group.target === undefined ? [] : [group.target])].concat(
    group.completions.flatMap((completion) => completion.image ?? []),
  );
}

/** How strongly an advantage is tinted, in percent: full at two standard deviations. */
function tint(advantage: number): number {
  return Math.round(Math.min(1, Math.abs(advantage) / 2) * 100);
}

function advantagePill(advantage: number): Html {
  const side = advantage > 0 ? "up" : advantage < 0 ? "down" : "flat";
  return html`<span class="pill ${side}" style="--tint:${tint(advantage)}%">${signed(advantage, 2)}</span>`;
}

/** What the judge said beside the score, part by part and in words. */
function judgeWords({ subscores = {}, reasoning }: LoggedCompletion): Html | undefined {
  const parts = Object.entries(subscores);
  if (parts.length === 0 && reasoning === undefined) return undefined;
  return html`<details class="judged">
    <summary>judge</summary>
    ${
      parts.length > 0 &&
      html`<dl>
        ${parts.map(
          ([name, score]) =>
            html`<div>
              <dt>${name}</dt>
              <dd>${fixed(score, 2)}</dd>
            </div>`,
        )}
      </dl>`
    }
    ${reasoning !== undefined && html`<p class="said">${reasoning}</p>`}
  </details>`;
}

function completionFigure(completion: LoggedCompletion, place: number, album: Album): Html {
  const { reward, advantage } = completion;
  const scored = reward === undefined ? failureWords(completion) : `reward ${fixed(reward, 2)}`;
  const right = completion.isExact === true ? "right" : "";
  return html`<figure class="pic ${right}">
    ${albumImage(album, completion.image, `Completion ${place}: ${scored}`)}
    <figcaption>
      <span class="${reward === undefined ? "bad" : "reward"}"
        >${reward === undefined ? scored : fixed(reward, 2)}${completion.isExact === true && " ✓"}</span
      >
      ${advantage !== undefined && advantagePill(advantage)} ${judgeWords(completion)}
      ${
        completion.thought !== undefined &&
        html`<details class="thought">
          <summary>thought</summary>
          ${completion.thought}
        </details>`
      }
    </figcaption>
  </figure>`;
}

/** How many verdicts of a group failed, by kind: "2 undecodable, 1 unreachable". */
function failuresByKind(completions: readonly LoggedCompletion[]): string {
  const kinds = completions.flatMap(({ verdict }) =>
    verdict === undefined || verdict === "scored" ? [] : [verdict],
  );
  return distinct(kinds)
    .map((kind) => `${counted(kinds.filter((one) => one === kind).length)} ${kind}`)
    .join(", ");
}

function groupCard({ group }: GroupLogged, album: Album): Html {
  const failures = failuresByKind(group.completions);
  const ordered = group.completions.toSorted(
    (a, b) => (b.reward ?? -Infinity) - (a.reward ?? -Infinity) || 0,
  );
  return html`<article class="card group">
    <p class="instruction"><span class="tag">${group.task}</span> ${group.instruction}</p>
    <div class="pair">
      <figure class="pic">
        ${albumImage(album, group.source, `Source of: ${group.instruction}`)}
        <figcaption>source</figcaption>
      </figure>
      ${
        group.target !== undefined &&
        html`<figure class="pic">
          ${albumImage(album, group.target, `Target of: ${group.instruction}`)}
          <figcaption>target</figcaption>
        </figure>`
      }
    </div>
    ${failures !== "" && html`<p class="bad">Not scored: ${failures}.</p>`}
    <div class="completions">
      ${ordered.map((completion, index) => completionFigure(completion, index + 1, album))}
    </div>
  </article>`;
}

/** The groups, undefined where none was logged. */
export function groupsSection(moments: readonly GroupMoment[], album: Album): Html | undefined {
  if (moments.length === 0) return undefined;
  return html`<section id="groups">
    <h2>Groups</h2>
    <p class="note">
      All completions of one prompt, best first: the reward, then the advantage that GRPO trains on. Positive
      advantages make a completion likelier, negative ones less likely.
    </p>
    ${moments.map(
      ({ step, groups }, index) =>
        html`<h3>${moments.length === 1 ? "At" : index === 0 ? "Early, at" : "Late, at"} step ${step}</h3>
          <div class="groups">${groups.map((group) => groupCard(group, album))}</div>`,
    )}
  </section>`;
}
