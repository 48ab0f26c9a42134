/** One completion: its picture, what it got, and why. Words of datasets, policies and judges are text, never markup. */

import type { JSX } from "preact";

import type { LoggedCompletion } from "../../runs/event.ts";
import { figure } from "./figures.ts";
import { imageAddress } from "./server.ts";

export interface CompletionProps {
  readonly run: string;
  readonly completion: LoggedCompletion;
  /** What it is among the others: "completion 3", "SFT". */
  readonly name: string;
  /** Names what was asked, for those who do not see the picture. */
  readonly instruction: string;
}

export function CompletionCard({ run, completion, name, instruction }: CompletionProps): JSX.Element {
  const { image, reward, advantage, isExact, verdict, problem, thought, subscores, reasoning } = completion;
  return (
    <article class="completion" aria-label={name}>
      {image === undefined ? (
        <p class="no-picture">no picture</p>
      ) : (
        <img src={imageAddress(run, image)} alt={`${name} of “${instruction}”`} loading="lazy" />
      )}
      <p class="got">
        {reward === undefined ? <span class="bad">{verdict ?? "no score"}</span> : <b>{figure(reward)}</b>}
        {advantage !== undefined && (
          <span class={advantage < 0 ? "bad" : "good"}>
            {" "}
            {advantage < 0 ? "−" : "+"}
            {figure(Math.abs(advantage))}
          </span>
        )}
        {isExact === true && <span class="good"> exact</span>}
      </p>
      {subscores !== undefined && Object.keys(subscores).length > 0 && (
        <dl class="parts">
          {Object.entries(subscores).map(([part, value]) => (
            <div key={part}>
              <dt>{part}</dt>
              <dd>{figure(value)}</dd>
            </div>
          ))}
        </dl>
      )}
      {problem !== undefined && <p class="bad words">{problem}</p>}
      {reasoning !== undefined && <Words title="Why" text={reasoning} />}
      {thought !== undefined && <Words title="Thought" text={thought} />}
    </article>
  );
}

export function Words({ title, text }: { readonly title: string; readonly text: string }): JSX.Element {
  return (
    <details>
      <summary>{title}</summary>
      <p class="words">{text}</p>
    </details>
  );
}
