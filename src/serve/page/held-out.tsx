/** Held-out edits: how the same ones were edited as training went on, and the policies of the run side by side. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { Comparison, HeldOutMoment, RunSummary } from "../messages.ts";
import { CompletionCard } from "./completion-card.tsx";
import { MomentSlider } from "./moment-slider.tsx";
import { PictureOf } from "./picture-of.tsx";
import { useAnswer } from "./server.ts";

export function HeldOut({ summary }: { readonly summary: RunSummary }): JSX.Element {
  const { id, comparisons, heldOut } = summary;
  return (
    <>
      {heldOut.length > 0 && <OverTraining summary={summary} />}
      {comparisons > 0 && <SideBySide run={id} count={comparisons} />}
      {heldOut.length === 0 && comparisons === 0 && (
        <p class="soft">
          Nothing yet: edits are kept at each evaluation of GRPO, and compared when the run ends.
        </p>
      )}
    </>
  );
}

function OverTraining({ summary: { id, heldOut } }: { readonly summary: RunSummary }): JSX.Element {
  const [chosen, setChosen] = useState<number>();
  const at = Math.min(chosen ?? heldOut.length - 1, heldOut.length - 1);
  const asked = useAnswer<HeldOutMoment[]>(`/api/runs/${encodeURIComponent(id)}/held-out`, heldOut.length);
  const groups = asked.answer?.[at]?.groups ?? [];
  return (
    <section>
      <h2>Over the training</h2>
      <div class="controls">
        <MomentSlider
          moments={heldOut}
          at={at}
          isNewest={chosen === undefined}
          onChoose={(place) => setChosen(place === heldOut.length - 1 ? undefined : place)}
        />
      </div>
      {groups.map(({ exampleId, instruction, source, target, completions, task }) => (
        <section class="card group" key={exampleId}>
          <h3>
            {instruction} <small>{task}</small>
          </h3>
          <div class="strip">
            <PictureOf run={id} image={source} name="source" instruction={instruction} />
            {target !== undefined && (
              <PictureOf run={id} image={target} name="target" instruction={instruction} />
            )}
            {completions.map((completion, place) => (
              <CompletionCard
                key={place}
                run={id}
                completion={completion}
                name="written"
                instruction={instruction}
              />
            ))}
          </div>
        </section>
      ))}
    </section>
  );
}

function SideBySide({ run, count }: { readonly run: string; readonly count: number }): JSX.Element {
  const asked = useAnswer<Comparison[]>(`/api/runs/${encodeURIComponent(run)}/comparisons`, count);
  return (
    <section>
      <h2>Side by side</h2>
      {(asked.answer ?? []).map(({ benchmark, exampleId, instruction, source, target, arms, task }) => (
        <section class="card group" key={`${benchmark} ${exampleId}`}>
          <h3>
            {instruction} <small>{task}</small>
          </h3>
          <div class="strip">
            <PictureOf run={run} image={source} name="source" instruction={instruction} />
            {target !== undefined && (
              <PictureOf run={run} image={target} name="target" instruction={instruction} />
            )}
            {arms.map((completion) => (
              <div key={completion.arm}>
                <CompletionCard
                  run={run}
                  completion={completion}
                  name={completion.arm}
                  instruction={instruction}
                />
                <p class="soft">{completion.arm}</p>
              </div>
            ))}
          </div>
        </section>
      ))}
    </section>
  );
}
