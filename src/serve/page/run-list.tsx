/** The runs of the folder, to choose from. */

import type { JSX } from "preact";

import type { RunCard } from "../messages.ts";
import { duration, figure, stageName } from "./figures.ts";
import { addressOf, type Route } from "./route.ts";

export function RunList({
  cards,
  here,
}: {
  readonly cards: readonly RunCard[];
  readonly here: Route;
}): JSX.Element {
  return (
    <nav aria-label="Runs">
      <ul class="runs">
        {cards.map((card) => (
          <li key={card.id}>
            <a
              href={addressOf({ run: card.id, view: here.view })}
              aria-current={card.id === here.run ? "true" : undefined}
            >
              <span class="name">{card.id}</span> <State state={card.state} />
              <span class="soft"> {wordsOf(card)}</span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

export function State({ state }: { readonly state: RunCard["state"] }): JSX.Element {
  return <span class={`state ${state.replace(" ", "-")}`}>{state}</span>;
}

function wordsOf({ stage, step, steps, reward, secondsLeft }: RunCard): string {
  const words: string[] = [];
  if (stage !== undefined) words.push(`${stageName(stage)} ${step ?? 0}/${steps ?? "?"}`);
  if (reward !== undefined) words.push(`reward ${figure(reward)}`);
  if (secondsLeft !== undefined) words.push(`${duration(secondsLeft)} left`);
  return words.join(", ");
}
