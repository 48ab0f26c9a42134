/** Groups as they were judged: step by step, what is odd first. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { Moment, RunSummary, ShownGroup } from "../messages.ts";
import { CompletionCard } from "./completion-card.tsx";
import { figure, stageName } from "./figures.ts";
import { MomentSlider } from "./moment-slider.tsx";
import { PictureOf } from "./picture-of.tsx";
import { useAnswer } from "./server.ts";

const ORDERS = ["odd first", "highest reward first", "lowest reward first", "as written"] as const;
type Order = (typeof ORDERS)[number];

export function Gallery({ summary }: { readonly summary: RunSummary }): JSX.Element {
  const { moments } = summary;
  const [chosen, setChosen] = useState<number>();
  const [order, setOrder] = useState<Order>("odd first");
  const at = Math.min(chosen ?? moments.length - 1, moments.length - 1);
  const moment = moments[at];
  if (moment === undefined) {
    return (
      <p class="soft">
        No group was logged yet: the first ones come with the first evaluation (`grpo.showGroupsEvery`).
      </p>
    );
  }
  const oddest = moments.reduce(
    (most, one, place) => (one.oddness > (moments[most]?.oddness ?? 0) ? place : most),
    0,
  );
  return (
    <>
      <div class="controls">
        <MomentSlider
          moments={moments}
          at={at}
          isNewest={chosen === undefined}
          onChoose={(place) => setChosen(place === moments.length - 1 ? undefined : place)}
        />
        <button onClick={() => setChosen(oddest)}>Go to the oddest step</button>
        <label>
          Order{" "}
          <select value={order} onChange={(event) => setOrder(event.currentTarget.value as Order)}>
            {ORDERS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      </div>
      <Groups run={summary.id} moment={moment} order={order} />
    </>
  );
}

function Groups({
  run,
  moment,
  order,
}: {
  readonly run: string;
  readonly moment: Moment;
  readonly order: Order;
}): JSX.Element {
  const { stage, step, groups: count } = moment;
  const asked = useAnswer<ShownGroup[]>(
    `/api/runs/${encodeURIComponent(run)}/groups?stage=${stage}&step=${step}`,
    count,
  );
  if (asked.state === "failed") return <p class="alert">{asked.problem}</p>;
  if (asked.answer === undefined) return <p class="soft">Reading groups …</p>;
  return (
    <div aria-live="polite">
      <p class="soft">
        {stageName(stage)} step {step}: {count} groups
      </p>
      {ordered(asked.answer, order).map((group, at) => (
        <Group key={`${group.exampleId} ${at}`} run={run} group={group} />
      ))}
    </div>
  );
}

function ordered(groups: readonly ShownGroup[], order: Order): readonly ShownGroup[] {
  const mean = ({ completions }: ShownGroup): number => {
    const rewards = completions.flatMap(({ reward }) => reward ?? []);
    return rewards.length === 0
      ? -Infinity
      : rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  };
  switch (order) {
    case "odd first":
      return groups;
    case "highest reward first":
      return groups.toSorted((left, right) => mean(right) - mean(left));
    case "lowest reward first":
      return groups.toSorted((left, right) => mean(left) - mean(right));
    case "as written":
      return groups.toSorted((left, right) => left.order - right.order);
    default:
      return order satisfies never;
  }
}

function Group({ run, group }: { readonly run: string; readonly group: ShownGroup }): JSX.Element {
  const { instruction, task, source, target, completions, oddities } = group;
  const rewards = completions.flatMap(({ reward }) => reward ?? []);
  return (
    <section class="card group">
      <h2>
        {instruction} <small>{task}</small>
      </h2>
      <p class="soft">
        rewards{" "}
        {rewards.length === 0 ? "—" : `${figure(Math.min(...rewards))} to ${figure(Math.max(...rewards))}`}
        {oddities.map((oddity) => (
          <span key={oddity} class="oddity">
            {oddity}
          </span>
        ))}
      </p>
      <div class="strip">
        <PictureOf run={run} image={source} name="source" instruction={instruction} />
        {target !== undefined && (
          <PictureOf run={run} image={target} name="target" instruction={instruction} />
        )}
        {completions.map((completion, at) => (
          <CompletionCard
            key={at}
            run={run}
            completion={completion}
            name={`completion ${at + 1}`}
            instruction={instruction}
          />
        ))}
      </div>
    </section>
  );
}
