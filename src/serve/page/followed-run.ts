/** A run that the page follows: its state, and its steps as they come. */

import { useEffect, useState } from "preact/hooks";

import type { Push, RunSummary, StepValues } from "../messages.ts";

/** Hears new steps of a stage; `undefined` where everything told before is void. */
export type StepListener = (stage: string, steps: readonly StepValues[] | undefined) => void;

export class FollowedRun {
  readonly id: string;
  readonly #source: EventSource;
  readonly #listeners = new Set<StepListener>();

  constructor(
    id: string,
    hear: { readonly state: (run: RunSummary) => void; readonly connected: (is: boolean) => void },
  ) {
    this.id = id;
    this.#source = new EventSource(`/api/runs/${encodeURIComponent(id)}/events`);
    let wasLost = false;
    this.#source.addEventListener("open", () => {
      hear.connected(true);
      // What was said meanwhile was not heard: everybody asks anew.
      if (wasLost) this.#tell("", undefined);
    });
    this.#source.addEventListener("error", () => {
      wasLost = true;
      hear.connected(false);
    });
    this.#source.addEventListener("message", ({ data }) => {
      const push = JSON.parse(String(data)) as Push;
      if (push.kind === "state") hear.state(push.run);
      else if (push.kind === "cut") this.#tell("", undefined);
      else this.#tell(push.stage, push.steps);
    });
  }

  /** Calls `listener` with new steps until the function that is returned is called. */
  onSteps(listener: StepListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #tell(stage: string, steps: readonly StepValues[] | undefined): void {
    for (const listener of this.#listeners) listener(stage, steps);
  }

  close(): void {
    this.#source.close();
  }
}

export interface Following {
  readonly run: FollowedRun | undefined;
  readonly summary: RunSummary | undefined;
  readonly isConnected: boolean;
}

/** Follows a run while it is shown. */
export function useFollowed(id: string): Following {
  const [run, setRun] = useState<FollowedRun>();
  const [summary, setSummary] = useState<RunSummary>();
  const [isConnected, setConnected] = useState(true);
  useEffect(() => {
    setSummary(undefined);
    if (id === "") return undefined;
    const followed = new FollowedRun(id, { state: setSummary, connected: setConnected });
    setRun(followed);
    return () => followed.close();
  }, [id]);
  return {
    run: run?.id === id ? run : undefined,
    summary: summary?.id === id ? summary : undefined,
    isConnected,
  };
}
