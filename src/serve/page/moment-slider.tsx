/** Chooses a step of the training among those at which something was kept. */

import type { JSX } from "preact";

import type { Place } from "../messages.ts";
import { stageName } from "./figures.ts";

export interface MomentSliderProps {
  readonly moments: readonly Place[];
  readonly at: number;
  /** True where the newest is shown, whichever that becomes. */
  readonly isNewest: boolean;
  readonly onChoose: (at: number) => void;
}

export function MomentSlider({ moments, at, isNewest, onChoose }: MomentSliderProps): JSX.Element {
  const moment = moments[at];
  const words = moment === undefined ? "" : `${stageName(moment.stage)} step ${moment.step}`;
  return (
    <label class="moment">
      <button aria-label="Earlier step" disabled={at <= 0} onClick={() => onChoose(at - 1)}>
        ‹
      </button>
      <input
        type="range"
        aria-label="Step"
        aria-valuetext={words}
        min={0}
        max={Math.max(0, moments.length - 1)}
        value={at}
        onInput={(event) => onChoose(Number(event.currentTarget.value))}
      />
      <button aria-label="Later step" disabled={at >= moments.length - 1} onClick={() => onChoose(at + 1)}>
        ›
      </button>
      <output>
        {words}
        {isNewest && " (newest)"}
      </output>
    </label>
  );
}
